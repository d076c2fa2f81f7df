"""One commit of the run's ref, by default; with fetch-depth 0 all branches and tags.

Another repository is a folder of its name in $STUB_REPOSITORIES; its default branch is checked out.
https://github.com/actions/checkout
"""

import os
import re
from zlib import crc32

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


if wanted == os.environ["GITHUB_SHA"] and depth != "0" and not os.path.exists(os.path.join(folder, ".git")):
    # A commit stays what it is: nearly all jobs of a run fetch the same one.
    os.makedirs(folder, exist_ok=True)
    run("cp", "-a", os.path.join(kept(f"fetch-{crc32(repr(refs).encode())}", fetch), ".git"), folder)
else:
    fetch(folder)
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
