"""A pack in a folder: merged beneath the spec, pinned, and refused when it is other than pinned."""

import shutil
from pathlib import Path

import pytest
import yaml

from mlgen.packs.content import folder_digest
from mlgen.write.lock import is_current
from tests.packs.conftest import WORKFLOW, Mlgen, write


@pytest.fixture
def pinned(pack: Path, mlgen: Mlgen) -> Path:
    assert mlgen("pack", "lock").code == 0
    assert mlgen("compile").code == 0
    return pack


def jobs(project: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load((project / WORKFLOW).read_text("utf-8"))["jobs"]
    return found


def test_a_pack_must_be_pinned_first(pack: Path, project: Path, mlgen: Mlgen) -> None:
    done = mlgen("compile")
    assert (done.code, done.out) == (2, "")
    assert "mlgen.yaml:4:11: error MLG721: the pack ../pack is not pinned in mlgen.lock" in done.err
    assert list(project.iterdir()) == [project / "mlgen.yaml"]


def test_what_the_spec_does_not_say_the_pack_says(pinned: Path, project: Path) -> None:
    found = jobs(project)
    assert found["fit"]["container"] == "python:3.11-slim"
    assert found["lint"]["timeout-minutes"] == 40, "its own and the time around it"
    assert "production" in str(found["prod"]["environment"])
    assert "--approval" in str(found["prod"]["steps"]), "the approval of the pack's environment"


def test_what_the_spec_says_replaces_the_packs(pack: Path, project: Path, mlgen: Mlgen) -> None:
    spec = project / "mlgen.yaml"
    more = "runtime: {image: 'ubuntu:24.04'}\nenvironments:\n  production:\n"
    spec.write_text(spec.read_text().replace("stages:", f"{more}stages:\n  test: {{lint: {{timeout: 20m}}}}"))
    assert mlgen("pack", "lock").code == 0
    assert mlgen("compile").code == 0
    found = jobs(project)
    assert found["fit"]["container"] == "ubuntu:24.04"
    assert found["lint"]["timeout-minutes"] == 50
    assert "ruff check" in str(found["lint"]["steps"])
    assert "--approval" in str(found["prod"]["steps"]), "a key without a value leaves what lies beneath"


def test_the_lock_pins_the_content(pinned: Path, project: Path, mlgen: Mlgen) -> None:
    lock = yaml.safe_load((project / "mlgen.lock").read_text())
    digest = folder_digest(str(pinned))
    assert lock["packs"] == {"../pack": {"name": "org", "version": "1.0.0", "content": digest}}
    assert lock["specs"]["mlgen.yaml"]["packs"] == {"../pack": digest}
    assert mlgen("check").code == 0
    assert mlgen("pack", "lock").out == "mlgen: every pack is pinned already\n"


@pytest.mark.parametrize("path", ["pack.yaml", "spec.yaml", "jobs/lint.yaml", "jobs/new.yaml"])
def test_a_changed_folder_is_refused_until_it_is_updated(pinned: Path, project: Path, mlgen: Mlgen, path: str) -> None:
    before = (project / WORKFLOW).read_text()
    file = pinned / path
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as out:
        out.write("# more\n")
    assert is_current(str(project), "mlgen.yaml", folder_digest) == 0
    for command in ("check", "compile", "validate", "diff", "ir"):
        done = mlgen(command)
        assert (done.code, done.out) == (1, "")
        assert (
            "mlgen.yaml:4:11: error MLG722: the pack org is not what mlgen.lock pins: the folder was changed"
            in done.err
        )
    assert (project / WORKFLOW).read_text() == before
    done = mlgen("pack", "update")
    assert done.code == 0, done.err
    assert f": {path}\n" in done.out
    assert mlgen("compile").code == 0
    assert mlgen("check").code == 0


@pytest.mark.parametrize("path", ["README.md", "tests/one/mlgen.yaml", "jobs/notes.txt", ".git/HEAD", "src/x.py"])
def test_what_is_not_of_the_pack_does_not_count(pinned: Path, project: Path, mlgen: Mlgen, path: str) -> None:
    write(pinned, {path: "x"})
    assert mlgen("check").code == 0
    assert is_current(str(project), "mlgen.yaml", folder_digest) == 3


def test_line_ends_of_a_checkout_do_not_count(pinned: Path, mlgen: Mlgen) -> None:
    for file in pinned.rglob("*.yaml"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert mlgen("check").code == 0


def test_the_fast_check_sees_all_that_counts(pinned: Path, project: Path, mlgen: Mlgen) -> None:
    assert is_current(str(project), "mlgen.yaml", folder_digest) == 3
    lock = project / "mlgen.lock"
    text = lock.read_text()
    digest = folder_digest(str(pinned))
    lock.write_text(text.replace(digest, "0" * 64))
    assert is_current(str(project), "mlgen.yaml", folder_digest) == 0
    lock.write_text(text)
    shutil.rmtree(pinned)
    assert is_current(str(project), "mlgen.yaml", folder_digest) == 0
    done = mlgen("check")
    assert (done.code, "MLG701: there is no folder ../pack" in done.err) == (2, True)


def test_pack_diff_shows_what_an_update_would_change_and_writes_nothing(
    pinned: Path, project: Path, mlgen: Mlgen
) -> None:
    write(pinned, {"pack.yaml": 'name: org\nversion: "2.0.0"\n'})
    write(pinned, {"spec.yaml": (pinned / "spec.yaml").read_text().replace("3.11-slim", "3.12-slim")})
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    done = mlgen("pack", "diff")
    assert done.code == 0, done.err
    assert done.out.startswith("org: 1.0.0 (../pack) -> 2.0.0 (../pack)\n  changed: pack.yaml\n  changed: spec.yaml\n")
    assert f"--- a/{WORKFLOW}\n+++ b/{WORKFLOW}\n" in done.out
    assert "-    container: python:3.11-slim\n+    container: python:3.12-slim\n" in done.out
    assert "mlgen.lock" not in done.out
    assert {p: p.read_bytes() for p in project.rglob("*") if p.is_file()} == before


def test_a_fault_in_a_packs_file_is_placed_there(pack: Path, project: Path, mlgen: Mlgen) -> None:
    write(
        pack,
        {"spec.yaml": "runtime: {python: 3.10}\nrutime: {}\nenvironments: {production: {}}\nsecrets: {TOKEN: {}}\n"},
    )
    assert mlgen("pack", "lock").code == 0
    done = mlgen("compile")
    assert done.code == 2
    assert "../pack/spec.yaml:1:19: error MLG104" in done.err
    assert "../pack/spec.yaml:2:1: error MLG101: unknown key 'rutime' in the spec" in done.err
    assert "  1 | runtime: {python: 3.10}\n" in done.err, "the line is shown"


def test_a_fault_in_a_job_snippet_is_placed_there(pack: Path, mlgen: Mlgen) -> None:
    write(pack, {"jobs/lint.yaml": "run: ruff check\nsecrets: [NOSUCH]\ntimeout: 0m\n"})
    assert mlgen("pack", "lock").code == 0
    done = mlgen("compile")
    assert "../pack/jobs/lint.yaml:2:11: error MLG201: there is no secret NOSUCH" in done.err
    assert "../pack/jobs/lint.yaml:3:10: error MLG214" in done.err


MANIFESTS = [
    ("", "MLG703", "pack.yaml:0", "must be a mapping"),
    ("- a\n", "MLG703", "pack.yaml:1:1", "must be a mapping"),
    ("name: org\n", "MLG703", "pack.yaml:1:1", "lacks the key `version`"),
    ("version: '1'\n", "MLG703", "pack.yaml:1:1", "lacks the key `name`"),
    ("name: Org\nversion: '1'\n", "MLG703", "pack.yaml:1:7", "name: 'Org' is not of the right form"),
    ("name: org\nversion: 1.0\n", "MLG703", "pack.yaml:2:10", "version: '1.0' is not of the right form"),
    ("name: org\nversion: '1'\nspec: {}\n", "MLG703", "pack.yaml:3:1", "unknown key 'spec'"),
    ("name: org\nversion: '1'\nmlgen: 0.3\n", "MLG703", "pack.yaml:3:8", "mlgen: '0.3' is not of the right form"),
    ("name: org\nversion: '1'\nmlgen: '>=99'\n", "MLG704", "pack.yaml:3:8", "the pack needs mlgen >=99"),
    ("name: org\nversion: '1'\nmlgen: '>=0.1, <0.1'\n", "MLG704", "pack.yaml:3:8", "needs mlgen >=0.1, <0.1"),
    ("name: org\nversion: '1'\noutputs: [a]\n", "MLG703", "pack.yaml:3:10", "outputs: it is not a mapping"),
    ("name: org\nversion: '1'\noutputs: {../a: x}\n", "MLG712", "pack.yaml:3:11", "'../a' is not a path inside"),
    ("name: org\nversion: '1'\noutputs: {/etc/a: x}\n", "MLG712", "pack.yaml:3:11", "'/etc/a' is not a path inside"),
    ("name: org\nversion: '1'\noutputs: {.GIT/config: x}\n", "MLG712", "pack.yaml:3:11", "belongs to git"),
    ("name: org\nversion: '1'\noutputs: {a.json: x}\n", "MLG712", "pack.yaml:3:11", "cannot hold the header"),
    ("name: org\nversion: '1'\noutputs: {a.xyz: x}\n", "MLG703", "pack.yaml:3:18", "how a comment begins"),
    ("name: org\nversion: '1'\noutputs: {a.py: 1}\n", "MLG703", "pack.yaml:3:17", "is neither a template nor"),
    ("name: [\n", "MLG002", "pack.yaml:2:1", "a value is missing here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "place", "message"), MANIFESTS)
def test_a_wrong_description_is_told(pack: Path, mlgen: Mlgen, text: str, code: str, place: str, message: str) -> None:
    write(pack, {"pack.yaml": text})
    done = mlgen("pack", "lock")
    assert done.code == 2
    place = place.removesuffix(":0")
    assert f"../pack/{place}: error {code}: " in done.err and message in done.err, done.err


@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        ({"spec.yaml": "- a\n"}, "MLG703", "../pack/spec.yaml:1:1: error MLG703: a pack's part of a spec must be"),
        ({"spec.yaml": "extends: [x]\n"}, "MLG703", "../pack/spec.yaml:1:1: error MLG703: `extends` may not stand"),
        ({"jobs/lint.yaml": "use: x\n"}, "MLG703", "../pack/jobs/lint.yaml:1:1: error MLG703: `use` may not stand"),
        ({"jobs/lint.yaml": "run\n"}, "MLG703", "../pack/jobs/lint.yaml:1:1: error MLG703: a job snippet must be"),
        ({"spec.yaml": "a: &a [*a]\n"}, "MLG004", "../pack/spec.yaml:1:"),
        ({"spec.yaml": "policy: {}\n"}, "MLG901", "../pack/spec.yaml:1:1: error MLG901: policy is not built yet"),
        ({"spec.yaml": "stages: {test: {lint: {use: no}}}\n"}, "MLG705", "../pack/spec.yaml:1:29: error MLG705"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_a_pack_is_told(
    pack: Path, mlgen: Mlgen, files: dict[str, str], code: str, message: str
) -> None:
    write(pack, files)
    assert mlgen("pack", "lock").code == 0
    done = mlgen("compile")
    assert (done.code, message in done.err) == (2, True), done.err


def _outside(pack: Path) -> None:
    write(pack.parent, {"secret.yaml": "run: cat\n"})
    (pack / "jobs/x.yaml").symlink_to("../../secret.yaml")


def _folder_link(pack: Path) -> None:
    (pack.parent / "elsewhere").mkdir()
    (pack / "templates").symlink_to("../elsewhere")


def _inner_folder_link(pack: Path) -> None:
    (pack / "templates").mkdir()
    (pack / "templates/x").symlink_to("../jobs")


def _dangling(pack: Path) -> None:
    (pack / "jobs/x.yaml").symlink_to("y.yaml")


def _large(pack: Path) -> None:
    write(pack, {"templates/x.j2": "x" * 4_000_001})


def _many(pack: Path) -> None:
    write(pack, {f"jobs/j{n}.yaml": "" for n in range(501)})


def _not_text(pack: Path) -> None:
    (pack / "spec.yaml").write_bytes(b"\xff\xfe")


def _odd_name(pack: Path) -> None:
    write(pack, {"jobs/a\nb.yaml": ""})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_outside, "../pack/jobs/x.yaml: error MLG706: the pack ../pack: jobs/x.yaml is a link that leads out"),
        (_folder_link, "../pack/templates: error MLG706: the pack ../pack: templates is a link to a folder"),
        (_inner_folder_link, "MLG706: the pack ../pack: templates/x is a link to a folder"),
        (_dangling, "MLG706: the pack ../pack: jobs/x.yaml is not a file"),
        (_large, "MLG706: the pack ../pack: the pack has more than 4 MB"),
        (_many, "MLG706: the pack ../pack: the pack has more than 500 files"),
        (_not_text, "../pack/spec.yaml: error MLG706: ../pack/spec.yaml is not UTF-8 text"),
        (_odd_name, "is not a name that every machine can keep"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_content_that_may_not_be_is_refused(
    pack: Path, project: Path, mlgen: Mlgen, spoil: object, message: str
) -> None:
    assert callable(spoil)
    spoil(pack)
    done = mlgen("pack", "lock")
    if done.code == 0:
        done = mlgen("compile")
    assert (done.code, message in done.err) == (2, True), done.err
    assert not (project / WORKFLOW).exists()


def test_a_link_inside_the_pack_is_the_file_it_names(pack: Path, project: Path, mlgen: Mlgen) -> None:
    (pack / "jobs/style.yaml").symlink_to("lint.yaml")
    spec = project / "mlgen.yaml"
    spec.write_text(spec.read_text() + "  test:\n    style: {use: org/style}\n")
    assert mlgen("pack", "lock").code == 0
    assert mlgen("compile").code == 0
    assert "ruff check" in str(jobs(project)["style"])


def test_of_several_packs_the_later_wins(pack: Path, project: Path, mlgen: Mlgen) -> None:
    upper = {
        "pack.yaml": 'name: team\nversion: "1"\n',
        "spec.yaml": "runtime: {image: 'python:3.12-slim'}\n"
        "stages: {test: {style: {use: lint}, old: {use: org/lint}}}\n",
        "jobs/lint.yaml": "run: flake8\n",
    }
    write(pack.parent / "team", upper)
    spec = project / "mlgen.yaml"
    spec.write_text(spec.read_text().replace("[../pack]", "[../pack, ../team]"))
    assert mlgen("pack", "lock").out == "org: pinned to 1.0.0 (../pack)\nteam: pinned to 1 (../team)\n"
    assert mlgen("compile").code == 0
    found = jobs(project)
    assert found["fit"]["container"] == "python:3.12-slim"
    assert "flake8" in str(found["style"]["steps"]) and "ruff" in str(found["old"]["steps"])
    write(pack.parent / "team", {"pack.yaml": 'name: org\nversion: "1"\n'})
    done = mlgen("pack", "update", "team")
    assert (done.code, "MLG703: two packs are called org" in done.err) == (2, True), done.err


def test_an_unknown_pack_is_told(pinned: Path, mlgen: Mlgen) -> None:
    done = mlgen("pack", "update", "nosuch")
    assert (done.code, "MLG702: the spec extends no pack nosuch" in done.err) == (2, True)
    assert "it extends org" in done.err
    done = mlgen("pack", "update", "--to", "v2")
    assert (done.code, "--to moves one pack that comes by git" in done.err) == (2, True)
