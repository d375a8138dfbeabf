// Answers, line by line, JSON Logic rules over the rows given in the first line.
const readline = require("node:readline");
const logic = require(require.resolve("json-logic-js", { paths: [process.argv[2]] }));

let rows = null;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (rows === null) {
    rows = JSON.parse(line, (_key, value) => (value === "$NaN" ? NaN : value));
    return;
  }
  const rule = JSON.parse(line);
  console.log(JSON.stringify(rows.map((row) => rule.map((part) => logic.apply(part, row)))));
});
