// Runs traces on exported machines with the real XState: a line in is {machine, events}, a line out the stages.
import readline from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const { createActor, createMachine } = require("xstate");
const { answer, guards } = await import(pathToFileURL(process.argv[3]));

const revived = (_key, value) => (value === "$NaN" ? NaN : value);
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line, revived);
  if (asked.criterion) {
    const { criterion, rows, ...given } = asked;
    console.log(JSON.stringify(rows.map((facts) => answer(criterion, facts, given))));
    return;
  }
  const actor = createActor(createMachine(asked.machine).provide({ guards: guards() })).start();
  console.log(JSON.stringify(asked.events.map((event) => {
    actor.send(event);
    return actor.getSnapshot().value;
  })));
});
