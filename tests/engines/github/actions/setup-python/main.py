"""Puts an interpreter first on PATH.

With $STUB_PYTHON it is that one, whose environment a test has prepared; else a new environment of this machine's
interpreter of the wanted version. https://github.com/actions/setup-python
"""

import os

from stub import absolute, call, fail, kept, output, set_env, text


def wanted_version():
    if text("python-version") or not text("python-version-file"):
        return text("python-version")
    with open(absolute(text("python-version-file")), encoding="utf-8") as file:
        return file.read().strip()


def works(name):
    """Whether a program starts: that of a version manager is there, but fails, where the version is not."""
    return os.system(f"{name} --version >/dev/null 2>&1") == 0


def new_environment(minor):
    names = [f"python{minor}", "python3"] if minor else ["python3"]
    host = next((name for name in names if works(name)), None)
    if host is None:
        fail(f"no interpreter for Python {minor}")
    folder = os.path.join(os.environ["RUNNER_TEMP"], f"python-{minor or 3}-{os.getpid()}")
    call(host, "-m", "venv", folder)
    return os.path.join(folder, "bin", "python")


def write_version(to):
    call(
        python, "-c", "import platform, sys; print(platform.python_version(), end='', file=open(sys.argv[1], 'w'))", to
    )


wanted = wanted_version()
numbers = wanted.split(".")[:2]
minor = ".".join(numbers) if len(numbers) == 2 and all(number.isdigit() for number in numbers) else ""
python = os.environ.get("STUB_PYTHON") or new_environment(minor)
with open(kept("version" + python.replace("/", "_"), write_version), encoding="utf-8") as file:
    version = file.read()
if minor and not version.startswith(minor + "."):
    print(f"::warning::Python {wanted} is wanted, this machine has {version}")

bin_ = os.path.dirname(python)
with open(os.environ["GITHUB_PATH"], "a", encoding="utf-8") as path:
    path.write(bin_ + "\n")
set_env(dict.fromkeys(("pythonLocation", "Python_ROOT_DIR", "VIRTUAL_ENV"), os.path.dirname(bin_)))
output({"python-version": version, "python-path": python, "cache-hit": "false"})
print(f"Python {version} for {wanted or 'any version'}")
