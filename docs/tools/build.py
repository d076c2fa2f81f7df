"""Makes the pages of docs/ that the code itself tells: `make docs`.

language.md comes from the schema, codes/ from the catalogue of diagnostics and the bad specs of the tests, the marked
parts of targets/ from the capability tables, what commands print from the commands, and semantics.md from small specs
that are compiled and read back. A test holds all of them current.
"""

import sys
from pathlib import Path

import codes
import console
import language
import semantics
import systems


def pages(root: Path) -> dict[str, str]:
    """Every page that is made, by its path below docs/; `root` is the checkout."""
    return {
        "language.md": language.page(root),
        **codes.pages(root),
        **systems.pages(root),
        **console.pages(root),
        **semantics.pages(root),
    }


def main() -> None:
    """Write the pages, and remove those of codes that are no more; with `--check` only tell which differ."""
    root = Path(__file__).resolve().parents[2]
    try:
        made = pages(root)
    except semantics.Wrong as err:
        sys.exit(f"{err}")
    stale = [p for p in (root / "docs/codes").glob("*.md") if str(p.relative_to(root / "docs")) not in made]
    wrong = [p for p, text in made.items() if not (f := root / "docs" / p).exists() or f.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        found = [*wrong, *(str(p.relative_to(root / "docs")) for p in stale)]
        sys.exit(f"not current, run `make docs`: {', '.join(found)}" if found else 0)
    for name in wrong:
        (root / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "docs" / name).write_text(made[name], "utf-8")
    for old in stale:
        old.unlink()


if __name__ == "__main__":
    main()
