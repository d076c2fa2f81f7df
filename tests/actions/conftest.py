"""A real MLflow server on loopback, and the emitted `registry.py` as a module."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlgen.render import render

SERVER = """
import sys
from werkzeug.serving import run_simple
from mlflow.server import app
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
"""
"""MLflow's own server application; its command line starts what its user interface needs as well."""


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server that keeps everything in SQLite."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "_MLFLOW_SERVER_FILE_STORE": "sqlite:///mlflow.db",
        "_MLFLOW_SERVER_REGISTRY_STORE": "sqlite:///mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": "./artifacts",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-c", SERVER, str(port)]
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(f"{address}/health", server, folder / "log")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"the MLflow server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def registry_py(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rendered") / "registry.py"
    path.write_text(render("common/registry.py.j2", {}))
    return path


@pytest.fixture(scope="session")
def registry(registry_py: Path) -> ModuleType:
    """registry.py as a module."""
    spec = importlib.util.spec_from_file_location("mlgen_registry", registry_py)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Result:
    """What a call of registry.py left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def passed(self, *words: str) -> None:
        assert self.code == 0, self.err
        line = self.out.splitlines()[-1]
        assert all(word in line for word in words), line

    def failed(self, *words: str, code: int = 1) -> None:
        """It ended with that status, and with one clear line that has these words."""
        line = self.err.splitlines()[-1]
        assert (self.code, line.startswith("mlgen: ")) == (code, True), (self.out, self.err)
        assert "Traceback" not in self.err
        assert all(word in line for word in words), line


@pytest.fixture
def call(
    registry: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    """Calls registry.py in this process, in an empty folder; keywords are environment variables of that call."""
    for name in os.environ:
        if name.startswith(("MLGEN_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.chdir(tmp_path)

    def call(*args: Any, **env: str) -> Result:
        capsys.readouterr()
        with monkeypatch.context() as inside:
            for name, value in env.items():
                inside.setenv(name, value)
            code = registry.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call
