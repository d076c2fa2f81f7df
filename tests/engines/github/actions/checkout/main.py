"""One commit of the run's ref, by default; with fetch-depth 0 all branches and tags.

Another repository is a folder of its name in $STUB_REPOSITORIES; its default branch is checked out.
https://github.com/actions/checkout
"""

import os
import re

from stub import WORKSPACE, flag, kept, lines, output, run, text

folder = os.path.join(WORKSPACE, text("path") or ".")
other = text("repository")
source = os.path.join(os.environ["STUB_REPOSITORIES"], other) if other else os.environ["STUB_REPO"]
wanted = text("ref") or ("HEAD" if other else os.environ["GITHUB_SHA"])
depth = text("fetch-depth") or "1"
if depth == "0":
    refs = ["--tags", "--prune", "origin", wanted, "+refs/heads/*:refs/remotes/origin/*"]
else:
    refs = ["--depth", depth, "--tags" if flag("fetch-tags") else "--no-tags", "origin", wanted]


def fetch(to):
    run("git", "init", "-q", to)
    run("git", "-C", to, "remote", "add", "origin", "file://" + source)
    run("git", "-C", to, "fetch", "-q", "--update-head-ok", *refs)


def git(*command):
    return run("git", "-C", folder, *command)


os.makedirs(folder, exist_ok=True)
fetched = kept(re.sub(r"[^\w.-]", "_", "-".join(["fetch", source, *refs])), fetch)
run("cp", "-a", os.path.join(fetched, ".git"), folder)
commit = git("rev-parse", "FETCH_HEAD")
if text("sparse-checkout"):
    cone = text("sparse-checkout-cone-mode").lower() != "false"
    git("sparse-checkout", "set", "--cone" if cone else "--no-cone", *lines(text("sparse-checkout")))
on_branch = re.match(r"refs/heads/(.*)$", os.environ["GITHUB_REF"])
if on_branch and not text("ref") and not other:
    git("update-ref", "refs/remotes/origin/" + on_branch[1], commit)
    git("checkout", "-q", "--force", "-B", on_branch[1], "refs/remotes/origin/" + on_branch[1])
    print(f"checked out {commit} as {on_branch[1]}")
else:
    git("checkout", "-q", "--force", "--detach", commit)
    print(f"checked out {commit}")
output({"ref": text("ref") or os.environ["GITHUB_REF"], "commit": commit})
