"""Where a pack comes from, as `extends` says it: a folder, or `git+URL@TAG_OR_COMMIT`."""

from __future__ import annotations

import re

from mlgen.diagnostics import Diagnostic, Position, error
from mlgen.named import NamedTuple
from mlgen.regex import regex

_GIT = regex(r"git\+(?P<url>[a-z0-9+.-]+://[^\s#]*?)(?:@(?P<revision>[^@#/:][^@#:]*))?(?:#(?P<fragment>.*))?")
_REVISION = regex(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_FOLDER = regex(r"[A-Za-z0-9._][A-Za-z0-9._ /+-]{0,499}")
COMMIT = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
PROTOCOLS = ("https", "ssh", "file")
"""What git may speak to fetch a pack; `http` and `git` do not tell who answers."""


class Origin(NamedTuple):
    """A pack's source: `text` as the spec says it, and either a `folder` or a git `url` with its `revision`.

    `subdirectory`: the pack's folder in the git repository; empty for its root.
    """

    text: str
    folder: str = ""
    url: str = ""
    revision: str = ""
    subdirectory: str = ""

    @property
    def is_commit(self) -> bool:
        """Whether the revision names a commit, and not a tag."""
        return COMMIT.fullmatch(self.revision) is not None

    def at(self, revision: str) -> Origin:
        """The same pack at another revision."""
        tail = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        return self._replace(text=f"git+{self.url}@{revision}{tail}", revision=revision)


def parse(text: str, at: Position) -> Origin | Diagnostic:
    """The source that the text names, or what is wrong with it."""
    if not text.startswith("git+"):
        return _folder(text, at)
    found = _GIT.fullmatch(text)
    if found is None:
        return error("MLG702", at, f"{_shown(text)} is not of the form git+URL@TAG", _EXAMPLE)
    url, revision, fragment = found["url"], found["revision"] or "", found["fragment"]
    if (wrong := _url(url)) is not None:
        return error("MLG702", at, *wrong)
    if not revision:
        return error("MLG702", at, f"{_shown(text)} names no tag and no commit", _EXAMPLE)
    if not is_revision(revision):
        return error("MLG702", at, f"{revision!r} is not the name of a tag or a commit", _EXAMPLE)
    subdirectory = ""
    if fragment is not None:
        key, _, subdirectory = fragment.partition("=")
        if key != "subdirectory" or not is_inside(subdirectory):
            return error("MLG702", at, f"#{fragment} is not #subdirectory=FOLDER", "name a folder of the repository")
    return Origin(text, url=url, revision=revision, subdirectory=subdirectory)


_EXAMPLE = "for example git+https://git.example.org/ml/pack.git@v1.2.0"


def is_revision(text: str) -> bool:
    """Whether git could know a tag or commit of this name; never an option of git's, and never a range."""
    return (
        _REVISION.fullmatch(text) is not None
        and ".." not in text
        and "//" not in text
        and not text.endswith(("/", ".", ".lock"))
    )


def is_inside(path: str) -> bool:
    """Whether this is a plain path to a folder below."""
    return _FOLDER.fullmatch(path) is not None and not {"", ".", ".."} & set(path.split("/"))


def _url(url: str) -> tuple[str, str] | None:
    """What is wrong with the URL, and how to mend it; the message never repeats a password."""
    protocol, _, rest = url.partition("://")
    if protocol not in PROTOCOLS:
        return f"a pack is not fetched over {protocol}", f"use one of {', '.join(PROTOCOLS)}"
    authority, slash, path = rest.partition("/")
    user, sep, host = authority.rpartition("@")
    if sep and (protocol != "ssh" or ":" in user):
        return "the URL holds a credential", "leave it out: git asks its credential helper, or use ssh"
    if "?" in rest:
        return "the URL has a query", "leave out the `?` and what follows: it often holds a credential"
    if protocol == "file":
        host = host or "localhost"
    valid = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?", host) and re.fullmatch(r"[A-Za-z0-9._-]*", user)
    if not valid or user.startswith("-") or not slash or not re.fullmatch(r"[A-Za-z0-9._~%+/-]+", path):
        return "the URL is not of a form that mlgen takes", _EXAMPLE
    return None


def _folder(text: str, at: Position) -> Origin | Diagnostic:
    if "://" in text or re.match(r"[^/]+@[^/]+:", text):
        return error("MLG702", at, f"{_shown(text)} is neither a folder nor a git source", _EXAMPLE)
    if _FOLDER.fullmatch(text) is None or text.startswith("-") or "//" in text:
        hint = "name it relative to the project's root, such as ../pack or ci/pack"
        return error("MLG702", at, f"{text!r} is not a folder that mlgen takes", hint)
    return Origin(text, folder=text)


def _shown(text: str) -> str:
    """The text without what may be a password."""
    return re.sub(r"//[^/@]*@", "//…@", text)
