"""The patterns of files and of names that actions take."""

import os
import re

from stub import absolute


def _search_path(pattern):
    """The deepest folder or file that a pattern names without a wildcard."""
    segments = pattern.split("/")
    wild = next((at for at, segment in enumerate(segments) if re.search(r"[*?[]", segment)), None)
    return pattern if wild is None else "/".join(segments[:wild]) or "/"


def matches(pattern, name):
    """Whether the pattern of a name covers it."""
    return re.fullmatch(_wildcards(pattern), name)


def _wildcards(pattern):
    """The regular expression of a name: `*` and `?` stand for what is no slash, and a set for one of its own."""
    found = ""
    for part in re.split(r"(\[[^]]+\])", pattern):
        if part.startswith("[") and part.endswith("]"):
            found += "[^" + part[2:] if part[1] in "!^" else part
        else:
            found += re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return found


def _regex(pattern):
    segments = "/".join("**" if segment == "**" else _wildcards(segment) for segment in pattern.split("/"))
    return re.compile(segments.replace("/**", "(?:/.*)?"))


def _covers(pattern, file):
    """Whether a pattern names a file, or a folder that it is in."""
    wanted = _regex(pattern)
    while not wanted.fullmatch(file):
        parent = os.path.dirname(file)
        if parent == file:
            return False
        file = parent
    return True


def _walk(at, hidden):
    if not os.path.exists(at) or (not hidden and os.path.basename(at).startswith(".")):
        return
    if not os.path.isdir(at):
        yield at
        return
    for name in sorted(os.listdir(at)):
        yield from _walk(os.path.join(at, name), hidden)


def glob(patterns, hidden=True):
    """The files of a list of patterns, and the paths that were searched, as @actions/glob finds them.

    A later pattern adds to what the earlier ones left, or, with "!", takes away; a folder stands for all in it. Without
    `hidden`, nothing is searched whose name starts with a dot.
    https://github.com/actions/toolkit/tree/main/packages/glob
    """
    rules = [(line.startswith("!"), absolute(line.removeprefix("!"))) for line in patterns]
    searched = list(dict.fromkeys(_search_path(pattern) for negative, pattern in rules if not negative))
    chosen = []
    for file in sorted({file for at in searched for file in _walk(at, hidden)}):
        inside = False
        for negative, pattern in rules:
            if _covers(pattern, file):
                inside = not negative
        if inside:
            chosen.append(file)
    return chosen, searched
