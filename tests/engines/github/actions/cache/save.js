const { execFileSync } = require("node:child_process");
const { glob, input, lines } = require(process.env.STUB_LIB);

const { files } = glob(lines(input("path")));
if (process.env.STATE_exact === "true") console.log("Cache hit occurred on the primary key, not saving cache.");
else if (!files.length) console.log("::warning::Path Validation Error: Path(s) specified in the action for caching do(es) not exist, hence no cache is being saved.");
else {
  execFileSync("tar", ["-cPf", process.env.STATE_file, "--null", "-T", "-"], { input: files.join("\0") });
  console.log("Cache saved with key: " + input("key"));
}
