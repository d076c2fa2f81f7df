"""Templates of packs: blocks over mlgen's own, files of their own, in a sandbox, within limits."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlgen import targets
from mlgen.render.sandbox import Fault, Foreign, blocks_of, faults, render_alone, render_over
from tests.packs.conftest import SPEC, WORKFLOW, Mlgen, write

OVER = "templates/github/workflow.yml.j2"
BEFORE = """\
[%% block before %%]
      - name: [[= ("Trust the proxy of " ~ job.key) | yaml ]]
        run: ./trust.sh
[%% endblock %%]
"""


def compiled(mlgen: Mlgen) -> str:
    """What is said of a compilation that fails; empty if it does not."""
    done = mlgen("pack", "lock")
    assert done.code == 0, done.err
    done = mlgen("compile")
    assert done.code in (0, 2)
    return done.err


def workflow(project: Path) -> dict[str, dict[str, dict[str, list[dict[str, object]]]]]:
    found: dict[str, dict[str, dict[str, list[dict[str, object]]]]] = yaml.safe_load((project / WORKFLOW).read_text())
    return found


def test_a_block_is_overridden_in_every_job(pack: Path, project: Path, mlgen: Mlgen) -> None:
    write(pack, {OVER: BEFORE})
    assert compiled(mlgen) == ""
    for key in ("fit", "lint", "prod"):
        steps = workflow(project)["jobs"][key]["steps"]
        assert {"name": f"Trust the proxy of {key}", "run": "./trust.sh"} in steps
    assert mlgen("check").code == 0


def test_later_packs_lie_over_earlier_ones_and_may_keep_what_is_there(pack: Path, project: Path, mlgen: Mlgen) -> None:
    write(pack, {OVER: BEFORE})
    upper = "[%% block before %%]\n[[= super() ]]\n      - name: And ours\n        run: ./ours.sh\n[%% endblock %%]\n"
    write(pack.parent / "team", {"pack.yaml": 'name: team\nversion: "1"\n', OVER: upper})
    write(project, {"mlgen.yaml": SPEC.replace("[../pack]", "[../pack, ../team]")})
    assert compiled(mlgen) == ""
    names = [step["name"] for step in workflow(project)["jobs"]["fit"]["steps"]]
    at = names.index("Trust the proxy of fit")
    assert names[at : at + 2] == ["Trust the proxy of fit", "And ours"]


def test_a_block_that_breaks_the_file_is_refused_and_tells_whose_it_is(pack: Path, project: Path, mlgen: Mlgen) -> None:
    write(
        pack,
        {OVER: "[%% block jobs %%]\n  more: {needs: [nosuch], runs-on: x, steps: [{run: x}]}\n[%% endblock %%]\n"},
    )
    said = compiled(mlgen)
    assert "MLG601" in said and f"hint: look at ../pack/{OVER}, which overrides mlgen's template" in said
    assert not (project / WORKFLOW).exists()


STEP = "      - name: Ours\n        run: %s\n"
ADDITIONS = {
    "a step": ("before", STEP % "./trust.sh", ""),
    "an action": ("after", f"      - name: Scan\n        uses: org/scan@{'0' * 40}\n        if: always()\n", ""),
    "a job": (
        "jobs",
        "  ours:\n    runs-on: ubuntu-24.04\n    steps:\n" + STEP % "./scan.sh",
        "the job ours is in no spec",
    ),
    "a step that sees a secret of another job": (
        "before",
        STEP % "./trust.sh" + "        env:\n          TOKEN: ${{ secrets.TOKEN }}\n",
        "train.fit: it reads the secret TOKEN, which it does not list",
    ),
    "the checkout left out": ("checkout", STEP % "./clone.sh", "train.fit: it checks out other repositories"),
}


@pytest.mark.parametrize(("block", "text", "fault"), ADDITIONS.values(), ids=list(ADDITIONS))
def test_what_a_template_adds_may_not_change_what_the_spec_means(
    block: str, text: str, fault: str, pack: Path, project: Path, mlgen: Mlgen
) -> None:
    write(pack, {OVER: f"[%% block {block} %%]\n{text}[%% endblock %%]\n"})
    said = compiled(mlgen)
    assert ("error MLG60" in said, fault in said) == (bool(fault), True), said
    assert (project / WORKFLOW).exists() is not bool(fault)


@pytest.mark.parametrize("name", targets.names())
def test_every_target_has_blocks(name: str) -> None:
    (output,) = {o for o in _templates(name) if blocks_of(o)}
    assert {"head", "jobs"} & set(blocks_of(output))


def _templates(name: str) -> list[str]:
    root = Path(__file__).resolve().parents[2] / "templates"
    return [path.relative_to(root).as_posix() for path in (root / name).glob("*.j2")]


@pytest.mark.parametrize("name", targets.names())
def test_every_block_can_be_overridden_by_what_it_is(name: str, pack: Path, project: Path, mlgen: Mlgen) -> None:
    """`super()` alone changes nothing, whichever way the file is rendered."""
    write(
        project,
        {"mlgen.yaml": SPEC.replace("[github]", f"[{name}]").replace("production, secrets: [TOKEN]", "production")},
    )
    fallback = "targets: {travis: {fallback: {approval: skip}}}\n" if name == "travis" else ""
    write(pack, {"spec.yaml": fallback + (pack / "spec.yaml").read_text()})
    assert compiled(mlgen) == "" or "error" not in mlgen("compile").err
    plain = {p: p.read_text() for p in project.rglob("*") if p.is_file() and p.name != "mlgen.lock"}
    (template,) = (t for t in _templates(name) if blocks_of(t))
    blocks = blocks_of(template)
    write(
        pack,
        {f"templates/{template}": "".join(f"[%% block {b} %%]\n[[= super() ]]\n[%% endblock %%]\n" for b in blocks)},
    )
    assert mlgen("pack", "update").code == 0
    assert mlgen("compile").code == 0
    again = {p: p.read_text() for p in project.rglob("*") if p.is_file() and p.name != "mlgen.lock"}
    without = {p: [line for line in t.splitlines() if line.strip()] for p, t in plain.items() if "digest" not in t[:0]}
    for path, lines in without.items():
        now = [line for line in again[path].splitlines() if line.strip()]
        assert [x for x in now if "digest:" not in x] == [x for x in lines if "digest:" not in x]


ADDED = {
    "pack.yaml": 'name: org\nversion: "2"\noutputs:\n  docs/OWNERS: owners.j2\n'
    '  .ci/jobs.txt: {template: jobs.j2, comment: "#"}\n',
    "templates/owners.j2": "* [[= project.owners | join(' ') | raw ]]\n",
    "templates/jobs.j2": "[%% for job in jobs %%]\n[[= job.id | raw ]] [[= job.environment | raw ]]\n[%% endfor %%]\n",
}  # fmt: skip


def test_a_pack_adds_the_files_that_it_declares(pack: Path, project: Path, mlgen: Mlgen) -> None:
    write(pack, ADDED)
    write(project, {"mlgen.yaml": SPEC.replace("project: demo", "project: {name: demo, owners: [ml@example.org, x]}")})
    assert compiled(mlgen) == ""
    assert (project / "docs/OWNERS").read_text().splitlines()[2:] == ["* ml@example.org x"]
    lines = (project / ".ci/jobs.txt").read_text().splitlines()
    assert "Generated by mlgen" in lines[0]
    assert sorted(lines[2:]) == ["deploy.prod production", "test.lint ", "train.fit "]
    assert mlgen("check").code == 0
    write(pack, {"pack.yaml": 'name: org\nversion: "3"\noutputs: {docs/OWNERS: owners.j2}\n'})
    (pack / "templates/jobs.j2").unlink()
    assert mlgen("pack", "update").code == 0
    assert "removed: .ci/jobs.txt" in mlgen("compile").out
    assert not (project / ".ci").exists()


def test_a_file_that_is_there_is_not_overwritten(pack: Path, project: Path, mlgen: Mlgen) -> None:
    write(pack, ADDED)
    write(project, {"docs/OWNERS": "mine\n"})
    assert mlgen("pack", "lock").code == 0
    done = mlgen("compile")
    assert (done.code, "MLG501: docs/OWNERS was not written by mlgen" in done.err) == (1, True)
    assert (project / "docs/OWNERS").read_text() == "mine\n"


@pytest.mark.parametrize(
    "path",
    ["mlgen.yaml", "mlgen.lock", ".mlgen/env.sh", ".mlgen/ci.py", "MLGEN.YAML", WORKFLOW, ".gitlab-ci.yml", ".github",
     ".mlgen", ".mlgen/ci.py/x"],
)  # fmt: skip
def test_a_file_of_mlgens_own_is_refused(pack: Path, project: Path, mlgen: Mlgen, path: str) -> None:
    write(pack, {"pack.yaml": f'name: org\nversion: "2"\noutputs: {{{path}: {{template: x.j2, comment: "#"}}}}\n'})
    write(pack, {"templates/x.j2": "x\n"})
    assert f"MLG712: {path} is a file of mlgen's own" in compiled(mlgen)
    assert sorted(p.name for p in project.iterdir()) == ["mlgen.lock", "mlgen.yaml"]


def test_a_link_does_not_lead_a_file_out(pack: Path, project: Path, mlgen: Mlgen, tmp_path: Path) -> None:
    write(pack, ADDED)
    (tmp_path / "outside").mkdir()
    (project / "docs").symlink_to(tmp_path / "outside")
    assert mlgen("pack", "lock").code == 0
    done = mlgen("compile")
    assert (done.code, "MLG503: docs/OWNERS would be written outside the project" in done.err) == (1, True)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"templates/nosuch.j2": "x"}, "templates/nosuch.j2: error MLG711: mlgen has no template nosuch.j2"),
        ({"pack.yaml": 'name: org\nversion: "1"\noutputs: {a: b.j2}\n'}, "MLG711: a: the pack has no templates/b.j2"),
        ({OVER: "[%% block nosuch %%][%% endblock %%]"}, f"{OVER}:1:1: error MLG711: mlgen's template has no block"),
        ({"templates/common/env.sh.j2": "[%% block x %%][%% endblock %%]"}, "it has no blocks"),
        ({OVER: "\n\nname: evil\n"}, "text outside of a block would be lost"),
        ({OVER: BEFORE.replace("job.key", "job.nosuch")}, f"{OVER}:2:1: error MLG711: the template fails"),
    ],
)  # fmt: skip
def test_a_wrong_template_is_told(pack: Path, project: Path, mlgen: Mlgen, files: dict[str, str], message: str) -> None:
    write(pack, files)
    said = compiled(mlgen)
    assert message in said, said
    assert not (project / WORKFLOW).exists()


@pytest.mark.parametrize(
    "text",
    [
        "[[= x ]]", "[[= x | upper ]]", "[[= x.upper() | raw ]]", "[[= ''.__class__ | raw ]][[= f() | raw ]]",
        "[[= (x * 9) | raw ]]", "[[= (x + x) | raw ]]", "[[= x[1:] | raw ]]", "[%% set x = 1 %%]",
        "[%% set x %%]a[%% endset %%]", "[%% macro m() %%]x[%% endmacro %%]", "[%% include 'x' %%]",
        "[%% import 'x' as y %%]", "[%% from 'x' import y %%]", "[%% extends 'common/ci.py.j2' %%]",
        "[%% call x() %%]a[%% endcall %%]", "[%% filter raw %%]a[%% endfilter %%]", "[%% with a = 1 %%][%% endwith %%]",
        "[%% autoescape true %%][%% endautoescape %%]", "[%% block x %%][%% endblock %%]",
        "[%% for a in b recursive %%][[= loop(a) | raw ]][%% endfor %%]", "[[= x | yaml_block(1000000) ]]",
        "[[= x | yaml_block(y) ]]", "[[= 'a' | yaml_block(-1) ]]", "[[= x | raw ", "[%% if %%]", "[%% for x in %%]",
        "[[= " + "(" * 60_000 + " ]]", "x" * 100_001,
    ],
)  # fmt: skip
def test_what_a_template_may_not_do(text: str) -> None:
    assert faults(Foreign("x.j2", text), None) != []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[= x.__class__ | raw ]]", "the template fails"),
        ("[[= many | map(attribute='__class__') | join | raw ]]", "the template fails"),
        ("[%% for a in many %%][%% for b in many %%][%% for c in many %%]" + "[%% endfor %%]" * 3, "rounds"),
        ("[%% for a in many %%][%% for b in many %%]" + "x" * 1000 + "[%% endfor %%][%% endfor %%]", "prints more"),
        ("a\n[[= nosuch | raw ]]", "'nosuch' is undefined"),
        ("[%% for a in 1 %%][%% endfor %%]", "the template fails"),
        ("[[= range(9) | join | raw ]]", "range"),
    ],
)  # fmt: skip
def test_what_happens_in_the_sandbox_is_bounded(text: str, message: str) -> None:
    with pytest.raises(Fault, match=message):
        render_alone(Foreign("x.j2", text), {"x": "a", "many": ["a"] * 100})


def test_a_failure_tells_the_line() -> None:
    with pytest.raises(Fault) as found:
        render_alone(Foreign("p/x.j2", "a\n\n[[= nosuch | raw ]]"), {})
    assert (found.value.file, found.value.line) == ("p/x.j2", 3)


def test_the_view_cannot_be_changed() -> None:
    view = {"jobs": [{"a": 1}]}
    with pytest.raises(Fault):
        render_alone(Foreign("x.j2", "[[= jobs.append(1) | raw ]][[= jobs | join | raw ]]"), view)
    assert view == {"jobs": [{"a": 1}]}


def test_an_override_renders_with_the_loops_of_mlgens_template(tmp_path: Path) -> None:
    """The limit of rounds is for the pack's own loops."""
    text = "[%% block before %%]\n[%% for x in job.downloads %%]\n# [[= x | raw ]]\n[%% endfor %%]\n[%% endblock %%]\n"
    assert faults(Foreign("x.j2", text), blocks_of("github/workflow.yml.j2")) == []
    assert callable(render_over)


def test_jinja_is_imported_only_for_a_pack_with_templates(pack: Path, project: Path, mlgen: Mlgen) -> None:
    """In a wheel; a checkout renders by Jinja anyway, so that here only the sandbox tells."""
    assert compiled(mlgen) == ""
    code = (
        "import sys; from mlgen.compiler import compile_spec; compile_spec(sys.argv[1], 'mlgen.yaml');"
        "print('mlgen.packs.stack' in sys.modules, 'jinja2.sandbox' in sys.modules, 'subprocess' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True False False\n"
    write(
        project,
        {"mlgen.yaml": SPEC.replace("extends: [../pack]\n", "environments: {production: {}}\nsecrets: {TOKEN: {}}\n")},
    )
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False False False\n"
