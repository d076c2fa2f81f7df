"""A CI system is one folder under src/mlgen/targets and one under templates; nothing else names one."""

import re
from collections import Counter
from pathlib import Path

import pytest

from mlgen import targets
from mlgen.targets.uses import CONSTRUCTS

ROOT = Path(__file__).resolve().parents[2]
TEXT = {".py", ".j2", ".json", ".yaml", ".yml", ".toml", ".md", ".typed", ""}


def _shared_files() -> list[Path]:
    """Every file under src/ and templates/ that is of no single target."""
    own = [ROOT / "src/mlgen/targets" / n for n in targets.names()] + [ROOT / "templates" / n for n in targets.names()]
    found = [p for top in ("src", "templates") for p in sorted((ROOT / top).rglob("*")) if "__pycache__" not in p.parts]
    return [p for p in found if not any(folder == p or folder in p.parents for folder in own)]


def test_no_shared_file_names_a_target() -> None:
    names = re.compile("|".join(targets.names()), re.IGNORECASE)
    wrong = []
    for path in _shared_files():
        if names.search(str(path.relative_to(ROOT))):
            wrong.append(f"{path.relative_to(ROOT)}: its name")
        if path.is_file() and path.suffix in TEXT:
            lines = path.read_text("utf-8").splitlines()
            wrong += [f"{path.relative_to(ROOT)}:{n}: {line}" for n, line in enumerate(lines, 1) if names.search(line)]
    assert wrong == []


@pytest.mark.parametrize("name", targets.names())
def test_a_target_is_found_by_its_folder(name: str) -> None:
    target = targets.get(name)
    assert target.name == name
    assert target.title
    assert (ROOT / "templates" / name).is_dir()
    assert {fragment.target for fragment in target.fragments} <= {name}
    assert all((ROOT / "templates" / fragment.template).is_file() for fragment in target.fragments)
    assert target.paths


def test_an_unknown_target_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        targets.get("nosuch")


@pytest.mark.parametrize("name", targets.names())
def test_a_target_says_of_each_construct_once_how(name: str) -> None:
    rows = targets.get(name).capabilities
    assert Counter(row.construct for row in rows) == Counter(CONSTRUCTS)


@pytest.mark.parametrize("name", targets.names())
def test_a_capability_row_is_consistent(name: str) -> None:
    for row in targets.get(name).capabilities:
        assert row.how, row
        assert row.level != "unsupported" or row.default, f"{row.construct} would be dropped silently"
        assert len(dict(row.fallbacks)) == len(row.fallbacks), row
        assert all(meaning for _, meaning in row.fallbacks), row
