const { execFileSync } = require("node:child_process");
const path = require("node:path");
const { glob, input, lines, workspace } = require(process.env.STUB_LIB);

const { files } = glob(lines(input("path")));
if (process.env.STATE_exact === "true") console.log("Cache hit occurred on the primary key, not saving cache.");
else if (!files.length) console.log("::warning::Path Validation Error: Path(s) specified in the action for caching do(es) not exist, hence no cache is being saved.");
else {
  // What is in the workspace is stored relative to it: the next job's workspace is another folder.
  const inside = workspace + path.sep;
  const names = files.map((file) => (file.startsWith(inside) ? file.slice(inside.length) : file));
  execFileSync("tar", ["-cPf", process.env.STATE_file, "-C", workspace, "--null", "-T", "-"], { input: names.join("\0") });
  console.log("Cache saved with key: " + input("key"));
}
