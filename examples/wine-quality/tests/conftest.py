"""What the tests share. They make their own data, so that they need nothing from the other jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from wine import fetch


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, made the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def wine_text() -> str:
    """The data set as CSV text."""
    return fetch.wine_csv()
