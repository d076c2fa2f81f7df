// language_service.mjs FILE: the diagnostics of GitHub's language service, which checks contexts as well, as JSON.
import fs from "node:fs";
import path from "node:path";
import { validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";

const SEVERITY = ["error", "error", "warning", "information", "hint"]; // numbered from 1 by the protocol

const [file] = process.argv.slice(2);
// The service knows a workflow from an action by its path.
const uri = "file:///repository/.github/workflows/" + path.basename(file);
const diagnostics = await validate(TextDocument.create(uri, "yaml", 1, fs.readFileSync(file, "utf8")));
const findings = diagnostics.map((found) => ({
  line: found.range.start.line + 1,
  message: found.message,
  severity: SEVERITY[found.severity ?? 1],
}));
console.log(JSON.stringify(findings));
