"""The fast answer of `check`, from digests alone, says yes exactly where the slow one does."""

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgen import entry, resources
from mlgen.cli.main import run
from mlgen.write.lock import is_current
from tests.write.conftest import SPEC, WORKFLOW

NAMES = ["mlgen.yaml", "mlgen.lock", WORKFLOW, ".mlgen/env.sh", ".mlgen/ci.py"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compiled")
    (root / "mlgen.yaml").write_text(SPEC)
    assert run(["compile", "-C", str(root)]) == 0
    return root


def _edit(root: Path, name: str, kind: str, rng: random.Random) -> None:
    path = root / name
    data = path.read_bytes()
    at = rng.randrange(len(data))
    if kind == "remove":
        path.unlink()
    elif kind == "append":
        path.write_bytes(data + b"\n")
    elif kind == "byte":
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    elif kind == "cut":
        path.write_bytes(data[:at])
    elif kind == "line":
        lines = data.splitlines(keepends=True)
        del lines[rng.randrange(len(lines))]
        path.write_bytes(b"".join(lines))
    elif kind == "crlf":
        path.write_bytes(data.replace(b"\n", b"\r\n"))
    elif kind == "touch":
        path.touch()
    elif kind == "folder":
        path.unlink()
        path.mkdir()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from(["remove", "append", "byte", "cut", "line", "crlf", "touch", "folder"]),
        ),
        max_size=2,
        unique_by=lambda e: e[0],
    ),
    st.integers(0, 2**32),
)
def test_both_answers_agree(
    compiled: Path, tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, str]], seed: int
) -> None:
    root = tmp_path_factory.mktemp("edited") / "p"
    shutil.copytree(compiled, root)
    rng = random.Random(seed)
    for name, kind in edits:
        _edit(root, name, kind, rng)
    fast = is_current(str(root), "mlgen.yaml")
    slow = run(["check", "-C", str(root)])
    if fast:
        assert slow == 0, "the fast answer may never be yes where the slow one is no"
    if slow == 0 and all(kind != "byte" for _, kind in edits):
        assert fast == 3, "and where everything is as it was written, it is the fast one"


@pytest.mark.parametrize(
    ("options", "count"),
    [([], 0), (["-C", "ROOT"], 3), (["-C", "ROOT", "-f", "mlgen.yaml"], 3), (["-f", "mlgen.yaml", "-C", "ROOT"], 3),
    (["-C", "ROOT", "-f", "no.yaml"], 0),
     (["-C", "ROOT", "-t", "github"], 0), (["-C", "ROOT", "--format", "json"], 0), (["-C"], 0), (["-C", "ROOT", "-f"],
     0), (["--help"], 0), (["-CROOT"], 0)],
)  # fmt: skip
def test_only_plain_options_are_answered_fast(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], count: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resources, "INSTALLED", True)
    assert entry._no_change([o.replace("ROOT", str(compiled)) for o in options]) == count


def test_a_checkout_of_mlgen_is_never_answered_fast(compiled: Path) -> None:
    """There the version does not stand for the code."""
    assert resources.INSTALLED or entry._no_change(["-C", str(compiled)]) == 0


def test_another_version_is_never_answered_fast(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgen.write.lock.__version__", "9.9.9")
    assert is_current(str(compiled), "mlgen.yaml") == 0


def test_the_fast_answer_is_the_slow_ones_text(
    compiled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "-C", str(compiled)]) == 0
    slow = capsys.readouterr().out
    monkeypatch.setattr(resources, "INSTALLED", True)
    monkeypatch.setattr("sys.argv", ["mlgen", "check", "-C", str(compiled)])
    assert entry.main() == 0
    assert capsys.readouterr().out == slow
