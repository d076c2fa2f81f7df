// https://github.com/actions/cache: entries are immutable; a key is looked up exactly, then as a prefix, then the
// restore-keys as prefixes, newest entry first; entries of other paths are other entries.
const { execFileSync } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { fail, flag, input, lines, output, saveState, store, workspace } = require(process.env.STUB_LIB);

const key = input("key");
const version = crypto.createHash("sha256").update(lines(input("path")).join("|")).digest("hex").slice(0, 16);
const folder = store(path.join("caches", version));
const entries = fs
  .readdirSync(folder)
  .map((name) => ({ key: decodeURIComponent(name), file: path.join(folder, name) }))
  .sort((a, b) => fs.statSync(b.file).mtimeMs - fs.statSync(a.file).mtimeMs);

const exact = entries.find((entry) => entry.key === key);
const prefixes = [key, ...lines(input("restore-keys"))];
const hit = exact ?? prefixes.map((prefix) => entries.find((entry) => entry.key.startsWith(prefix))).find(Boolean);
if (hit && !flag("lookup-only")) execFileSync("tar", ["-xPf", hit.file, "-C", workspace]);
output({ "cache-hit": hit ? Boolean(exact) : "" });
saveState({ exact: Boolean(exact), file: path.join(folder, encodeURIComponent(key)) });
console.log(hit ? `Cache restored from key: ${hit.key}` : `Cache not found for input keys: ${prefixes.join(", ")}`);
if (!hit && flag("fail-on-cache-miss")) fail(`Failed to restore cache entry. Input key: ${key}`);
