"""Packs out of git repositories: only objects are fetched and read, nothing is ever checked out or run.

The repository is somebody else's: git speaks only the protocols named here, asks no questions, runs no hooks, and what
it was given to fetch stands behind `--`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile

from mlgen.named import NamedTuple
from mlgen.packs.content import MOST_BYTES, MOST_FILES, Files, Refused, bounded, counts, too_large
from mlgen.packs.sources import PROTOCOLS, Origin
from mlgen.regex import regex

TIMEOUT = 300
"""Seconds that one call of git may take."""

_SAFE = [
    *("-c", "protocol.allow=never"),
    *(word for protocol in PROTOCOLS for word in ("-c", f"protocol.{protocol}.allow=always")),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "transfer.fsckObjects=true"),
    *("-c", "fetch.recurseSubmodules=false"),
    *("-c", "http.followRedirects=initial"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    "--no-replace-objects",
]
# What a hook's git tells its children of its own repository; `git rev-parse --local-env-vars` lists them.
_LOCAL = regex(
    "GIT_(ALTERNATE_OBJECT_DIRECTORIES|CONFIG|CONFIG_PARAMETERS|CONFIG_COUNT|CONFIG_(KEY|VALUE)_[0-9]+|OBJECT_DIRECTORY"
    "|DIR|WORK_TREE|IMPLICIT_WORK_TREE|GRAFT_FILE|INDEX_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE|PREFIX|SHALLOW_FILE"
    "|COMMON_DIR|INTERNAL_SUPER_PREFIX|NAMESPACE|QUARANTINE_PATH|TEMPLATE_DIR|EXTERNAL_DIFF)"
)


class GitError(Exception):
    """git could not do it; the message is for people."""


class Fetched(NamedTuple):
    """A pack at a commit."""

    commit: str
    files: Files


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _LOCAL.fullmatch(name)}
    kept.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    # https://git-scm.com/docs/git#Documentation/git.txt-GITTERMINALPROMPT
    asks_nobody = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}
    return {**kept, **asks_nobody, "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS), "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}


def _git(repository: str, *words: str, data: bytes | None = None) -> bytes:
    """What git prints; a GitError with its own words if it fails."""
    try:
        done = subprocess.run(
            ["git", *_SAFE, *(["--git-dir", repository] if repository else []), *words],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            env=_environment(),
            cwd=repository or None,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git took more than {TIMEOUT} seconds") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        told = [line for line in said if line.startswith(("fatal:", "error:", "ERROR:"))] or said[-1:]
        raise GitError(told[0].partition(": ")[2] or told[0] if told else f"git ended with {done.returncode}")
    return done.stdout


def tags(origin: Origin) -> dict[str, str]:
    """The repository's tags, each with the commit that it names."""
    found: dict[str, str] = {}
    for line in _git("", "ls-remote", "--quiet", "--tags", "--", origin.url).decode("utf-8", "replace").splitlines():
        commit, _, ref = line.partition("\t")
        # `^{}` follows the line of an annotated tag, and has the commit.
        found[ref.removeprefix("refs/tags/").removesuffix("^{}")] = commit
    return found


def fetch(origin: Origin) -> Fetched:
    """The pack at its revision; a GitError says why it cannot be had, Refused what may not be in it."""
    with tempfile.TemporaryDirectory(prefix="mlgen-pack-") as folder:
        _git("", "init", "--quiet", "--bare", "--template=", "--", folder)
        commit = _commit(folder, origin)
        return Fetched(commit, _files(folder, commit, origin.subdirectory))


def _commit(repository: str, origin: Origin) -> str:
    """Fetch the revision; the commit that it is."""
    if origin.is_commit:
        try:
            _fetch(repository, origin, f"{origin.revision}:refs/mlgen/pack", depth=1)
        except GitError:  # a server need not give a commit that no ref names
            _fetch(repository, origin, "refs/heads/*:refs/mlgen/heads/*", "refs/tags/*:refs/mlgen/tags/*")
            try:
                _git(repository, "cat-file", "-e", f"{origin.revision}^{{commit}}")
            except GitError:
                raise GitError(f"the repository has no commit {origin.revision}") from None
            return origin.revision
    else:
        try:
            _fetch(repository, origin, f"refs/tags/{origin.revision}:refs/mlgen/pack", depth=1)
        except GitError as err:
            raise _no_tag(origin, err) from None
    return _git(repository, "rev-parse", "--verify", "--quiet", "refs/mlgen/pack^{commit}").decode().strip()


def _fetch(repository: str, origin: Origin, *what: str, depth: int = 0) -> None:
    options = ["--quiet", "--no-tags", "--no-write-fetch-head", *([f"--depth={depth}"] if depth else [])]
    _git(repository, "fetch", *options, "--", origin.url, *what)


def _no_tag(origin: Origin, err: GitError) -> GitError:
    if "couldn't find remote ref" not in str(err):
        return err
    heads = _git("", "ls-remote", "--quiet", "--heads", "--", origin.url, f"refs/heads/{origin.revision}")
    if heads.strip():
        return GitError(f"{origin.revision} is a branch, which moves; name a tag or a commit")
    return GitError(f"the repository has no tag {origin.revision} (a commit is written with all its digits)")


def _files(repository: str, commit: str, subdirectory: str) -> Files:
    """The content of the pack, read from git's objects."""
    tree = f"{commit}:{subdirectory}" if subdirectory else f"{commit}^{{tree}}"
    try:
        listed = _git(repository, "ls-tree", "-r", "-l", "-z", "--full-tree", tree, "--")
    except GitError:
        raise GitError(f"the repository has no folder {subdirectory}") from None
    blobs: dict[str, tuple[str, str]] = {}
    size = 0
    for line in listed.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode, kind, blob, length = head.split()
        if not counts(path):
            continue
        if kind != "blob":
            raise Refused(path, f"{path} is a submodule", "put the files themselves into the pack")
        size += int(length)
        blobs[path] = (mode, blob)
        if len(blobs) > MOST_FILES or size > MOST_BYTES:
            raise too_large()
    bounded(dict.fromkeys(blobs, b""))
    read = {path: _git(repository, "cat-file", "blob", blob) for path, (_, blob) in sorted(blobs.items())}
    links = {path for path, (mode, _) in blobs.items() if mode == "120000"}
    followed = {path: read[_followed(path, read, links)] for path in read}
    return bounded({path: data.replace(b"\r\n", b"\n") for path, data in followed.items()})


def _followed(path: str, read: Files, links: set[str]) -> str:
    """The file that a link of the pack names; Refused if that is none of the pack's."""
    import posixpath

    seen = {path}
    here = path
    while here in links:
        target = read[here].decode("utf-8", "surrogateescape")
        here = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        if target.startswith("/") or here not in read or here in seen:
            raise Refused(path, f"{path} is a link that leads out of the pack", "put the file itself into the pack")
        seen.add(here)
    return here
