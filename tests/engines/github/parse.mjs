// parse.mjs FILE: what GitHub's own workflow parser says, as one JSON list of {line, message, severity}.
import fs from "node:fs";
import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from "@actions/workflow-parser";

const [file] = process.argv.slice(2);
const parsed = parseWorkflow({ name: "workflow", content: fs.readFileSync(file, "utf8") }, new NoOperationTraceWriter());
const messages = new Set(parsed.context.errors.getErrors().map((error) => error.message));
if (parsed.value) {
  const template = await convertWorkflowTemplate(parsed.context, parsed.value);
  for (const error of template.errors ?? []) messages.add(error.Message ?? error.message);
}
const findings = [...messages].map((text) => {
  const [, line, message] = text.match(/^workflow \(Line: (\d+), Col: \d+\): ([^]*)$/) ?? [null, 0, text];
  return { line: Number(line), message, severity: "error" };
});
console.log(JSON.stringify(findings));
