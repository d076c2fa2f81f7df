"""Setups, environments of Python, caches and services."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from mlgen.run import pythons
from tests.run.conftest import Project


@pytest.mark.parametrize(
    ("setup", "kept"),
    [
        ("pip install numpy==2.0 'scipy>=1,<2' \"uv==0.5.*\"", True),
        ("python -m pip install -q -r requirements.txt\npip install pytest", True),
        ("python3 -m pip install --quiet -r requirements.txt -c limits.txt", True),
        ("pip install .", False),
        ("pip install -e .", False),
        ("pip install ./wheels/x.whl", False),
        ("pip install git+https://example.org/x", False),
        ("pip install numpy && make", False),
        ("pip install $PACKAGES", False),
        ("pip install --target lib numpy", False),
        ("pip install -r missing.txt", False),
        ("pip install -r local.txt", False),
        ("pip install -r editable.txt", False),
        ("uv sync", False),
        ("make deps", False),
    ],
)
def test_which_setups_are_kept(tmp_path: Path, setup: str, kept: bool) -> None:
    (tmp_path / "requirements.txt").write_text(
        "# all\nnumpy==2.0 \\\n  --hash=sha256:0\n-r more.txt\n--index-url https://x\n"
    )
    (tmp_path / "more.txt").write_text("-r requirements.txt\nscipy[all]>=1 ; python_version > '3'\n")
    (tmp_path / "limits.txt").write_text("numpy<3\n")
    (tmp_path / "local.txt").write_text("./here\n")
    (tmp_path / "editable.txt").write_text("-e here\n")
    assert (pythons.key(setup, str(tmp_path), {}) is not None) == kept


def test_a_setup_is_another_once_what_it_reads_is(tmp_path: Path) -> None:
    setup = "pip install -r requirements.txt"
    (tmp_path / "requirements.txt").write_text("-r more.txt\n")

    def key(text: str, **env: str) -> str | None:
        (tmp_path / "more.txt").write_text(text)
        return pythons.key(setup, str(tmp_path), env)

    keys = [key("a==1"), key("a==2"), key("a==1", PIP_INDEX_URL="https://x"), key("a==1", OTHER="x")]
    assert keys[0] == keys[3]
    assert len(set(keys)) == 3


PACKAGE = {
    "setup.py": "from setuptools import setup\nsetup(name='mine', version='1', py_modules=['mine'])\n",
    "mine.py": "print('mine runs')\n",
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with a module and a program, made by hand so that no network is asked."""
    import zipfile

    path = tmp_path / "wheels" / "small_tool-1.0-py3-none-any.whl"
    path.parent.mkdir()
    info = "small_tool-1.0.dist-info"
    files = {
        "small_tool.py": "import sys\ndef main():\n    print('tool of', sys.prefix)\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: small-tool\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nsmall-tool = small_tool:main\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return path


def test_a_setup_runs_once_and_jobs_do_not_see_each_other_s(
    project: Project, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(wheel.parent)), ("CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(f"PIP_{name}", value)
    own = tmp_path / "cache"  # of this test, with the bare environment of all others
    monkeypatch.setenv("XDG_CACHE_HOME", str(own))
    project.spec("""
        runtime: {setup: [pip install small-tool==1.0]}
        stages:
          test:
            a: {run: [small-tool, "python -c 'import small_tool'", "python -m pip uninstall -y -q small-tool || true"]}
            b: {run: small-tool, needs: [a]}
            c: {run: "if small-tool; then exit 1; fi", runtime: none, needs: []}
    """)
    done = project.run()
    assert done.code == 0, done.err
    assert "Successfully installed small-tool" in done.log("a")
    assert "kept from an earlier job: pip install small-tool==1.0" in done.log("b")
    assert "/b/python" in done.log("b"), "the program runs in the job's own environment"
    again = project.run()
    assert "kept from an earlier job" in again.log("a")
    assert "Successfully installed" in project.run("--fresh", "--job", "a").log("a")
    shutil.rmtree(own)


def test_other_setups_run_in_each_job(project: Project) -> None:
    done = project.spec("""
        runtime: {setup: ["echo setting up in $PWD", "echo ready > made-by-setup"], activate: export READY=1}
        stages:
          test:
            a: {run: cat made-by-setup; test "$READY" = 1}
            b: {run: cat made-by-setup}
    """).run()
    assert done.code == 0, done.err
    assert all("setting up in" in done.log(name) and "ready" in done.log(name) for name in "ab")
    bad = project.spec("runtime: {setup: [exit 4]}\nstages: {test: {a: {run: 'true', finally: echo last}}}").run()
    assert (bad.reason("test.a"), "last" in bad.log("a")) == ("the setup failed", True)


def test_a_python_that_is_not_here(project: Project) -> None:
    project.spec("runtime: {python: '3.99'}\nstages: {test: {a: {run: python --version}}}")
    done = project.said()
    assert done.code == 2
    assert "error MLG803: test.a needs Python 3.99, which is not here" in done.err
    assert project.said("--any-python").code == 0


def test_this_python_is_found() -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    found = pythons.find(version)
    assert found is not None and found.version.startswith(version)
    assert pythons.find("3") is not None
    assert pythons.find("2.6") is None


def test_caches_are_kept_between_runs(project: Project) -> None:
    project.spec(
        """
        runtime: {cache: {paths: [.cache/data, ~/tools], key: [key.txt]}}
        stages:
          test:
            a: {run: [mkdir -p .cache/data, cat .cache/data/* || true, "echo kept-$(cat key.txt) > .cache/data/x"]}
    """,
        **{"key.txt": "one"},
    )
    assert "kept" not in project.run().log("a")
    assert "kept-one" in project.run().log("a")
    assert "kept" not in project.write(**{"key.txt": "two"}).run().log("a")


def test_reuse(project: Project) -> None:
    project.spec(
        """
        stages:
          train:
            fit: {run: cat src/a > model; echo it ran, deps: [src/], outs: [model], reuse: true}
    """,
        **{"src/a": "first"},
    )
    first, second = project.run(), project.run()
    assert ("it ran" in first.log("fit"), "it ran" in second.log("fit")) == (True, False), second.log("fit")
    assert second.file("fit/model") == "first"
    third = project.write(**{"src/a": "second"}).run()
    assert ("it ran" in third.log("fit"), third.file("fit/model")) == (True, "second")


SERVICE = """
    stages:
      test:
        a:
          run:
            - import os, urllib.request
            - print(urllib.request.urlopen(f"http://{os.environ['MLGEN_HOST_WEB']}:PORT").status)
          shell: python
          services: {web: {image: "nginx:1", ports: [PORT]}}
"""


def test_services(project: Project, unused_port: int) -> None:
    project.spec(SERVICE.replace("PORT", str(unused_port)))
    without = project.said()
    assert without.code == 1
    assert "warning MLG804: services are not started: web (test.a)" in without.err
    command = f"exec python3 -m http.server {unused_port} --bind 127.0.0.1"
    done = project.run("--service", f"web={command}")
    assert done.code == 0, done.log("a")
    assert "\n200\n" in done.log("a")
    assert project.said("--service", "wob=x").code == 2


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_what_is_different_here_is_said_once(project: Project) -> None:
    project.spec("""
        runtime: {image: "python:3.11-slim", packages: [no-such-package]}
        stages: {test: {a: {run: "true"}, b: {run: "true"}, c: {run: "true", runtime: none, runner: windows}}}
    """)
    done = project.said()
    assert done.code == 0, done.err
    assert done.err.count("images are not used: jobs run on this machine (test.a, test.b)") == 1
    assert "system packages are not installed: no-such-package" in done.err
    assert "test.c  skipped" in done.out
