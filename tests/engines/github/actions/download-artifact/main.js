// https://github.com/actions/download-artifact: a named artifact must exist and goes straight into the path; several go into
// a folder each, unless merged; one artifact alone gets no folder of its own.
const fs = require("node:fs");
const path = require("node:path");
const { absolute, fail, flag, input, output, store } = require(process.env.STUB_LIB);

for (const unsupported of ["artifact-ids", "run-id"]) {
  if (input(unsupported)) fail(`this stand-in knows no ${unsupported}`);
}
const folder = store("artifacts");
const name = input("name");
const pattern = (input("pattern") || "*").replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*/g, "[^/]*").replace(/\?/g, "[^/]");
const chosen = fs.readdirSync(folder).sort().filter((each) => (name ? each === name : new RegExp(`^${pattern}$`).test(each)));
if (name && !chosen.length) fail(`Unable to download artifact(s): Artifact not found for name: ${name}`);

const target = absolute(input("path") || ".");
for (const artifact of chosen) {
  const own = chosen.length > 1 && !flag("merge-multiple") ? path.join(target, artifact) : target;
  fs.cpSync(path.join(folder, artifact), own, { recursive: true });
}
output({ "download-path": target });
console.log(`Total of ${chosen.length} artifact(s) downloaded: ${chosen.join(", ")}`);
