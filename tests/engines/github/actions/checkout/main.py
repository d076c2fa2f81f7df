"""One commit of the run's ref, by default; with fetch-depth 0 all branches and tags.

Another repository is a folder of its name in $STUB_REPOSITORIES; its default branch is checked out.
https://github.com/actions/checkout
"""

import os
from zlib import crc32

from stub import WORKSPACE, call, flag, kept, lines, output, text

folder = os.path.join(WORKSPACE, text("path") or ".")
other = text("repository")
source = os.path.join(os.environ["STUB_REPOSITORIES"], other) if other else os.environ["STUB_REPO"]
wanted = text("ref") or ("HEAD" if other else os.environ["GITHUB_SHA"])
depth = text("fetch-depth") or "1"
if depth == "0":
    refs = ["--tags", "--prune", "file://" + source, wanted, "+refs/heads/*:refs/remotes/origin/*"]
else:
    refs = ["--depth", depth, "--tags" if flag("fetch-tags") else "--no-tags", "file://" + source, wanted]


def fetch(to):
    if not os.path.exists(os.path.join(to, ".git")):
        call("git", "init", "-q", to)
        call("git", "-C", to, "remote", "add", "origin", "file://" + source)
    call("git", "-C", to, "fetch", "-q", "--update-head-ok", *refs)


def git(*command):
    call("git", "-C", folder, *command)


if wanted == os.environ["GITHUB_SHA"] and depth != "0" and not os.path.exists(os.path.join(folder, ".git")):
    # A commit stays what it is: nearly all jobs of a run fetch the same one.
    os.makedirs(folder, exist_ok=True)
    call("cp", "-a", os.path.join(kept(f"fetch-{crc32(repr(refs).encode())}", fetch), ".git"), folder)
else:
    fetch(folder)
with open(os.path.join(folder, ".git", "FETCH_HEAD"), encoding="utf-8") as fetched:
    commit = fetched.read().split()[0]
if text("sparse-checkout"):
    cone = text("sparse-checkout-cone-mode").lower() != "false"
    git("sparse-checkout", "set", "--cone" if cone else "--no-cone", *lines(text("sparse-checkout")))
branch = os.environ["GITHUB_REF"].removeprefix("refs/heads/")
if branch != os.environ["GITHUB_REF"] and not text("ref") and not other:
    git("update-ref", f"refs/remotes/origin/{branch}", commit)
    git("checkout", "-q", "--force", "-B", branch, f"refs/remotes/origin/{branch}")
    print(f"checked out {commit} as {branch}")
else:
    git("checkout", "-q", "--force", "--detach", commit)
    print(f"checked out {commit}")
output({"ref": text("ref") or os.environ["GITHUB_REF"], "commit": commit})
