// https://github.com/actions/upload-artifact: files keep their paths below the least common ancestor of what is searched;
// a name can be used once in a run; hidden files and empty folders are left out; no permissions are kept.
const fs = require("node:fs");
const path = require("node:path");
const { fail, flag, glob, input, lines, output, store } = require(process.env.STUB_LIB);

/** The folder that paths inside of the artifact start from. */
function rootFolder({ files, searchPaths }) {
  if (searchPaths.length === 1) return files.length === 1 && files[0] === searchPaths[0] ? path.dirname(files[0]) : searchPaths[0];
  const split = searchPaths.map((each) => each.split("/"));
  const length = split[0].findIndex((segment, at) => split.some((each) => each[at] !== segment));
  return split[0].slice(0, length < 0 ? undefined : length).join("/") || "/";
}

const name = input("name") || "artifact";
if (/["<>|*?:\r\n\\/]/.test(name)) fail(`The artifact name is not valid: ${name}`);
const found = glob(lines(input("path")), { hidden: flag("include-hidden-files") });
if (!found.files.length) {
  const message = `No files were found with the provided path: ${input("path")}. No artifacts will be uploaded.`;
  if (input("if-no-files-found") === "error") fail(message);
  console.log((input("if-no-files-found") === "ignore" ? "" : "::warning::") + message);
  process.exit(0);
}
const artifact = path.join(store("artifacts"), name);
if (fs.existsSync(artifact)) {
  if (!flag("overwrite")) fail("Failed to CreateArtifact: Received non-retryable error: Failed request: (409) Conflict: an artifact with this name already exists on the workflow run");
  fs.rmSync(artifact, { recursive: true });
}
const root = rootFolder(found);
for (const file of found.files) {
  const target = path.join(artifact, path.relative(root, file));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.copyFileSync(file, target);
  fs.chmodSync(target, 0o644);
}
output({ "artifact-id": 1, "artifact-url": "", "artifact-digest": "" });
console.log(`Artifact ${name} has been successfully uploaded: ${found.files.length} file(s)`);
