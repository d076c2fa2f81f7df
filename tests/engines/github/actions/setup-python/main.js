// https://github.com/actions/setup-python: puts an interpreter first on PATH. With $STUB_PYTHON it is that one, whose
// environment a test has prepared; else a new environment of this machine's interpreter of the wanted version.
const { execFileSync, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { absolute, fail, input, output, setEnv } = require(process.env.STUB_LIB);

function wantedVersion() {
  if (input("python-version")) return input("python-version");
  const file = input("python-version-file");
  return file ? fs.readFileSync(absolute(file), "utf8").trim() : "";
}

function newEnvironment(minor) {
  const names = minor ? ["python" + minor, "python3"] : ["python3"];
  const host = names.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (!host) fail(`no interpreter for Python ${minor}`);
  const folder = path.join(process.env.RUNNER_TEMP, `python-${minor || 3}-${process.pid}`);
  execFileSync(host, ["-m", "venv", folder]);
  return path.join(folder, "bin", "python");
}

const wanted = wantedVersion();
const minor = (wanted.match(/^\d+\.\d+/) ?? [""])[0];
const python = process.env.STUB_PYTHON || newEnvironment(minor);
const version = execFileSync(python, ["-c", "import platform; print(platform.python_version())"], { encoding: "utf8" }).trim();
if (minor && !version.startsWith(minor + ".")) console.log(`::warning::Python ${wanted} is wanted, this machine has ${version}`);

const bin = path.dirname(python);
fs.appendFileSync(process.env.GITHUB_PATH, bin + "\n");
setEnv({ pythonLocation: path.dirname(bin), Python_ROOT_DIR: path.dirname(bin), VIRTUAL_ENV: path.dirname(bin) });
output({ "python-version": version, "python-path": python, "cache-hit": "false" });
console.log(`Python ${version} for ${wanted || "any version"}`);
