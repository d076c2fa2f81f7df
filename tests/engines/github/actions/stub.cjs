// What the stand-ins for GitHub's actions share. They are found by $STUB_LIB, keep what they store below $STUB_STORE and
// take the source from $STUB_REPO. Each follows the documentation of the real action; none uses the network.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const workspace = process.env.GITHUB_WORKSPACE;

const input = (name) => (process.env["INPUT_" + name.toUpperCase()] ?? "").trim();
const flag = (name) => input(name).toLowerCase() === "true";
const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

const append = (file, values) =>
  fs.appendFileSync(file, Object.entries(values).map(([name, value]) => `${name}=${value}\n`).join(""));
const output = (values) => append(process.env.GITHUB_OUTPUT, values);
const saveState = (values) => append(process.env.GITHUB_STATE, values);
const setEnv = (values) => append(process.env.GITHUB_ENV, values);

function fail(message) {
  console.log("::error::" + message);
  process.exit(1);
}

/** A folder of the store, made if need be. */
function store(name) {
  const folder = path.join(process.env.STUB_STORE, name);
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

const absolute = (name) => path.resolve(workspace, name.replace(/^~(?=\/|$)/, os.homedir()));
const isWild = (segment) => /[*?[]/.test(segment);

/** The deepest folder or file that a pattern names without a wildcard. */
function searchPath(pattern) {
  const segments = pattern.split("/");
  const wild = segments.findIndex(isWild);
  return wild < 0 ? pattern : segments.slice(0, wild).join("/") || "/";
}

function regex(pattern) {
  const source = pattern.split("/").map((segment) => {
    if (segment === "**") return "**";
    return segment.replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*/g, "[^/]*").replace(/\?/g, "[^/]");
  });
  return new RegExp("^" + source.join("/").replaceAll("/**", "(?:/.*)?") + "$");
}

/** Whether a pattern names a file, or a folder that it is in. */
function covers(pattern, file) {
  const wanted = regex(pattern);
  for (let at = file; ; at = path.dirname(at)) {
    if (wanted.test(at)) return true;
    if (at === path.dirname(at)) return false;
  }
}

function* walk(at, hidden) {
  const stat = fs.statSync(at, { throwIfNoEntry: false });
  if (!stat || (!hidden && path.basename(at).startsWith("."))) return;
  if (!stat.isDirectory()) yield at;
  else for (const name of fs.readdirSync(at).sort()) yield* walk(path.join(at, name), hidden);
}

/**
 * The files of a list of patterns, as @actions/glob finds them: a later pattern adds to what the earlier ones left, or,
 * with "!", takes away; a folder stands for all in it. Without `hidden`, nothing is searched whose name starts with a dot.
 * https://github.com/actions/toolkit/tree/main/packages/glob
 */
function glob(patterns, { hidden = true } = {}) {
  const rules = patterns.map((line) => {
    const negative = line.startsWith("!");
    return { negative, pattern: absolute(negative ? line.slice(1) : line) };
  });
  const searchPaths = [...new Set(rules.filter((rule) => !rule.negative).map((rule) => searchPath(rule.pattern)))];
  const files = new Set(searchPaths.flatMap((at) => [...walk(at, hidden)]));
  const chosen = [...files].filter((file) =>
    rules.reduce((inside, rule) => (covers(rule.pattern, file) ? !rule.negative : inside), false),
  );
  return { files: chosen.sort(), searchPaths };
}

module.exports = { absolute, fail, flag, glob, input, lines, output, saveState, setEnv, store, workspace };
