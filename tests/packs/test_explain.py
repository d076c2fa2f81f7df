"""`explain` looks through packs: at their templates, their defaults and the files that they add."""

from pathlib import Path

from tests.packs.conftest import WORKFLOW, Mlgen, write

OVER = "templates/github/workflow.yml.j2"
BEFORE = """\
[%% block before %%]
      - name: [[= ("Trust the proxy of " ~ job.key) | yaml ]]
        run: ./trust.sh
[%% endblock %%]
"""


def explained(project: Path, mlgen: Mlgen, file: str, text: str) -> list[list[str]]:
    """The rows that `explain` prints of the first line with a text."""
    lines = (project / file).read_text("utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, 1) if text in line)
    done = mlgen("explain", f"{file}:{number}")
    assert done.code == 0, done.err
    return [row.split() for row in done.out.splitlines()]


def test_a_block_of_a_pack_is_named(pack: Path, project: Path, mlgen: Mlgen) -> None:
    write(pack, {OVER: BEFORE})
    assert mlgen("pack", "lock").code == 0
    assert mlgen("compile").code == 0
    rows = explained(project, mlgen, WORKFLOW, "Trust the proxy of fit")
    assert ["template", f"../pack/{OVER}:2", "prints"] == next(r for r in rows if r[:1] == ["template"])[:3]
    assert ["says", "stages.train.fit", "mlgen.yaml:7:5"] in rows
    assert [r for r in explained(project, mlgen, WORKFLOW, "run: ./trust.sh") if r[:1] == ["template"]] == [
        ["template", f"../pack/{OVER}:3"]
    ]


def test_a_value_of_a_pack_is_in_its_spec(project: Path, pack: Path, mlgen: Mlgen) -> None:
    assert mlgen("pack", "lock").code == 0
    assert mlgen("compile").code == 0
    rows = explained(project, mlgen, WORKFLOW, "container: python:3.11-slim")
    assert ["says", "runtime.image", "../pack/spec.yaml:1:27"] in rows
    rows = explained(project, mlgen, WORKFLOW, "ruff check")
    assert ["says", "stages.test.lint.run", "../pack/jobs/lint.yaml:1:1"] in rows


def test_a_file_that_a_pack_adds(project: Path, pack: Path, mlgen: Mlgen) -> None:
    manifest = (pack / "pack.yaml").read_text("utf-8") + "outputs: {OWNERS: owners.j2}\n"
    write(pack, {"pack.yaml": manifest, "templates/owners.j2": "of [[= project.name | raw ]]\nby hand\n"})
    assert mlgen("pack", "lock").code == 0
    done = mlgen("compile")
    assert done.code == 0, done.err
    assert ["says", "project", "mlgen.yaml:2:1"] in explained(project, mlgen, "OWNERS", "of demo")
    assert ["template", "../pack/templates/owners.j2:2"] in explained(project, mlgen, "OWNERS", "by hand")
