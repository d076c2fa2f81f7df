"""The pages of docs/: those that are made are current, links lead somewhere, and whole specs on them compile."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from mlgen import targets
from mlgen.cli.main import run
from mlgen.diagnostics import CODES
from mlgen.targets.uses import CONSTRUCTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(```+)(.*)\n((?:.*\n)*?)\1$", re.MULTILINE)
OF_ITS_OWN_TEST = {"organisation.md"}
"""A page whose blocks are files of one story, which tests/packs executes."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The text without blocks and spans of code."""
    text = FENCE.sub("", page.read_text("utf-8"))
    text = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", lambda code: "x" * len(code[0]), text)


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^()\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """Those that are written, and those that code hosts make of headings."""
    text = FENCE.sub("", page.read_text("utf-8"))
    found = set(re.findall(r'<a id="([^"]+)"></a>', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        bare = re.sub(r"<[^>]+>|\[|\]\([^)]*\)", "", heading).strip().lower()
        slug, count = re.sub(r"[^\w\- ]", "", bare).replace(" ", "-"), 0
        while (each := f"{slug}-{count}" if count else slug) in found:
            count += 1
        found.add(each)
    return found


def build(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "docs/tools/build.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_what_is_made_is_current() -> None:
    done = build("--check")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links(page: Path) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in ("https", "http") and "." in parts.netloc, link
            continue
        to = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        assert to.exists() and to.is_relative_to(ROOT), f"{name(page)}: {link} leads nowhere"
        if parts.fragment:
            assert parts.fragment in anchors(to), f"{name(page)}: {link}: no such anchor"


def specs() -> list[tuple[str, str]]:
    """The whole specs on the pages; those of codes/ are wrong on purpose, and shown with what is said of them."""
    found = []
    for page in PAGES:
        if page.parent.name == "codes" or page.name in OF_ITS_OWN_TEST:
            continue
        blocks = [block[2] for block in FENCE.findall(page.read_text("utf-8")) if block[1].startswith("yaml")]
        whole = [block for block in blocks if block.startswith("version: 1\n") and block != "version: 1\n"]
        if page.name == "semantics.md":  # what stands above each of the others is said once
            head = [line for line in whole[0].splitlines() if line]
            tops = [{line.partition(":")[0] for line in block.splitlines()} for block in blocks]
            above = ("".join(f"{line}\n" for line in head if line.partition(":")[0] not in top) for top in tops)
            whole = [over + block for over, block in zip(above, blocks) if block != whole[0]]
        found += [(f"{name(page)}-{index}", block) for index, block in enumerate(whole)]
    return found


@pytest.mark.parametrize(("where", "spec"), specs(), ids=[where for where, _ in specs()])
def test_a_whole_spec_compiles(where: str, spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = re.search(r"\broot: ([\w/]+)", spec)
    folder = tmp_path / (root[1] if root else "")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlgen.yaml").write_text(spec, "utf-8")
    assert run(["compile", "-C", str(folder)]) == 0, capsys.readouterr().err
    assert "error" not in capsys.readouterr().err


def test_every_code_and_target_has_a_page() -> None:
    assert {p.stem for p in (ROOT / "docs/codes").glob("MLG*.md")} == set(CODES)
    assert {p.stem for p in (ROOT / "docs/targets").glob("*.md")} == {*targets.names(), "README"}


def test_every_construct_stands_at_a_key() -> None:
    text = (ROOT / "docs/language.md").read_text("utf-8")
    assert [c for c in CONSTRUCTS if f"| `{c}` on |" not in text] == []


def test_every_page_is_reached_from_the_index() -> None:
    seen, todo = set(), [ROOT / "docs/README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        todo += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "//" not in link]
    assert [name(page) for page in PAGES[1:] if page not in seen] == []
