"""What the stand-ins for GitHub's actions share.

They keep what they store below $STUB_STORE and take the source from $STUB_REPO. Each follows the documentation of the
real action; none uses the network. A run starts them some hundred times, so that each imports no more than it needs.
"""

import os
import sys

os.environ.pop("PYTHONPATH", None)  # by which this module is found; not for the programs that are started
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


def call(*argv):
    """Run a program; the step fails if the program does."""
    code = os.spawnvp(os.P_WAIT, argv[0], argv)
    if code:
        fail(f"{' '.join(argv)}: exit code {code}")


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
    return os.path.normpath(os.path.join(WORKSPACE, os.path.expanduser(name)))
