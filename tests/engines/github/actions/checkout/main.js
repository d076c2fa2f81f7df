// https://github.com/actions/checkout: one commit of the run's ref, by default; with fetch-depth 0 all branches and tags.
// Another repository is a folder of its name in $STUB_REPOSITORIES; its default branch is checked out.
const { execFileSync } = require("node:child_process");
const path = require("node:path");
const { flag, input, lines, output, workspace } = require(process.env.STUB_LIB);

const folder = path.join(workspace, input("path") || ".");
const git = (...command) => execFileSync("git", ["-C", folder, ...command], { encoding: "utf8" }).trim();
const { GITHUB_REF, GITHUB_SHA, STUB_REPO } = process.env;

execFileSync("git", ["init", "-q", folder]);
const other = input("repository");
const source = other ? path.join(process.env.STUB_REPOSITORIES, other) : STUB_REPO;
const wanted = input("ref") || (other ? "HEAD" : GITHUB_SHA);
const depth = input("fetch-depth") || "1";
const fetch = ["fetch", "-q", "--update-head-ok"];
if (depth === "0") fetch.push("--tags", "--prune");
else fetch.push("--depth", depth, flag("fetch-tags") ? "--tags" : "--no-tags");
const refs = depth === "0" ? ["+refs/heads/*:refs/remotes/origin/*"] : [];
git("remote", "add", "origin", "file://" + source);
git(...fetch, "origin", wanted, ...refs);
const commit = git("rev-parse", "FETCH_HEAD");

if (input("sparse-checkout")) {
  const cone = input("sparse-checkout-cone-mode").toLowerCase() !== "false";
  git("sparse-checkout", "set", cone ? "--cone" : "--no-cone", ...lines(input("sparse-checkout")));
}
const branch = input("ref") || other ? "" : (GITHUB_REF.match(/^refs\/heads\/(.*)$/) ?? [])[1];
if (branch) {
  git("update-ref", "refs/remotes/origin/" + branch, commit);
  git("checkout", "-q", "--force", "-B", branch, "refs/remotes/origin/" + branch);
} else {
  git("checkout", "-q", "--force", "--detach", commit);
}
output({ ref: input("ref") || GITHUB_REF, commit });
console.log(`checked out ${commit}${branch ? " as " + branch : ""}`);
