// parse.mjs FILE: what CircleCI's own parser says, as one JSON list of {line, message, severity}. It stops at the first error.
import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.ENGINES_NODE_HOME + "/index.js");
const { parseConfig } = require("@circleci/circleci-config-parser");

const [file] = process.argv.slice(2);
const findings = [];
try {
  parseConfig(fs.readFileSync(file, "utf8")).stringify();
} catch (error) {
  findings.push({ line: 0, message: String(error.message ?? error).split("\n")[0], severity: "error" });
}
console.log(JSON.stringify(findings));
