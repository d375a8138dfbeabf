// Reads a JSON list of Mermaid texts on its input; writes, for each, its states' and arrows' labels as Mermaid has them.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<!DOCTYPE html><body></body>");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
mermaid.initialize({ startOnLoad: false });

// Mermaid keeps entity codes under these marks while it parses, and turns them into characters as it draws.
function shown(text) {
  const area = window.document.createElement("textarea");
  area.innerHTML = text.replaceAll("ﬂ°°", "&#").replaceAll("ﬂ°", "&").replaceAll("¶ß", ";");
  return area.value;
}

const answers = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const diagram = await mermaid.mermaidAPI.getDiagramFromText(text);
    const { nodes, edges } = diagram.db.getData();
    answers.push({
      nodes: Object.fromEntries(nodes.map((node) => [node.id, shown(String(node.label ?? ""))])),
      edges: edges.map((edge) => [edge.start, edge.end, shown(String(edge.label ?? ""))]),
    });
  } catch (error) {
    answers.push({ error: String(error) });
  }
}
process.stdout.write(JSON.stringify(answers));
