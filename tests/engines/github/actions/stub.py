"""What the stand-ins for GitHub's actions share.

They keep what they store below $STUB_STORE and take the source from $STUB_REPO. Each follows the documentation of the
real action; none uses the network. A run starts them some hundred times, so they import little.
"""

import os
import re
import subprocess
import sys

WORKSPACE = os.environ["GITHUB_WORKSPACE"]


def text(name):
    return os.environ.get("INPUT_" + name.upper(), "").strip()


def flag(name):
    return text(name).lower() == "true"


def lines(several):
    return [line.strip() for line in several.split("\n") if line.strip()]


def _append(file, values):
    with open(os.environ[file], "a", encoding="utf-8") as out:
        out.writelines(f"{name}={value}\n" for name, value in values.items())


def output(values):
    _append("GITHUB_OUTPUT", values)


def save_state(values):
    _append("GITHUB_STATE", values)


def set_env(values):
    _append("GITHUB_ENV", values)


def fail(message):
    print("::error::" + message)
    sys.exit(1)


def run(*argv, stdin=None):
    """What a program prints; the step fails if the program does."""
    done = subprocess.run(argv, input=stdin or "", stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(done.stdout)
        fail(f"{' '.join(argv)}: exit code {done.returncode}")
    return done.stdout.strip()


def store(name):
    """A folder of the store, made if need be."""
    folder = os.path.join(os.environ["STUB_STORE"], name)
    os.makedirs(folder, exist_ok=True)
    return folder


def kept(name, make):
    """What `make(path)` has made in the store, once a run: jobs that run side by side may both make it."""
    found = os.path.join(store("kept"), name)
    if not os.path.exists(found):
        own = f"{found}.{os.getpid()}"
        make(own)
        try:
            os.rename(own, found)
        except OSError:  # a folder that another job has made meanwhile
            return own
    return found


def absolute(name):
    return os.path.normpath(os.path.join(WORKSPACE, re.sub(r"^~(?=/|$)", os.environ["HOME"], name)))


def _search_path(pattern):
    """The deepest folder or file that a pattern names without a wildcard."""
    segments = pattern.split("/")
    wild = next((at for at, segment in enumerate(segments) if re.search(r"[*?[]", segment)), None)
    return pattern if wild is None else "/".join(segments[:wild]) or "/"


def wildcards(pattern):
    """The regular expression of a name in which `*` and `?` stand for what is no slash; sets are the same in both."""
    return re.sub(r"[.+^${}()|\\]", r"\\\g<0>", pattern).replace("*", "[^/]*").replace("?", "[^/]")


def _regex(pattern):
    segments = "/".join("**" if segment == "**" else wildcards(segment) for segment in pattern.split("/"))
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
