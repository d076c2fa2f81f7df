"""report: results, coverage and summaries, also hostile ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

JUNIT = """<?xml version="1.0"?>
<testsuites><testsuite name="s">
<testcase classname="tests.a" name="good"/>
<testcase classname="tests.a" name="bad" file="tests/a.py" line="7">
<failure message="assert 1 == 2&#10;second">trace</failure></testcase>
<testcase name="err"><error>first
more</error></testcase>
<testcase classname="tests.a" name="later"><skipped/></testcase>
</testsuite></testsuites>
"""
BILLION = (
    """<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>"""
)
EXTERNAL = (
    '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    '<testsuite><testcase name="t"><failure>&e;</failure></testcase></testsuite>'
)
COBERTURA = '<?xml version="1.0"?>\n{}<coverage line-rate="0.5"{}><packages/></coverage>'


@pytest.fixture
def report(call):
    def report(*args: str):
        return call("report", *args)

    return report


def test_log(report) -> None:
    Path("r.xml").write_text(JUNIT)
    result = report("--junit", "r.xml")
    result.passed()
    assert result.out == (
        "tests: 1 passed, 2 failed, 1 skipped\n  FAILED tests.a.bad: assert 1 == 2\n  FAILED err: first\n"
    )


def test_summary_and_annotations(report, summary: Path) -> None:
    Path("r.xml").write_text(JUNIT)
    result = report("--junit", "r.xml")
    assert "::error title=test failed,file=tests/a.py,line=7::tests.a.bad: assert 1 == 2\n" in result.out
    assert "::error title=test failed::err: first\n" in result.out
    assert summary.read_text() == (
        "### Tests: 1 passed, 2 failed, 1 skipped\n\n| failed test | message |\n| --- | --- |\n"
        "| tests.a.bad | assert 1 == 2 |\n| err | first |\n\n"
    )


def test_globs_and_folders(report) -> None:
    for name in ("reports/a.xml", "reports/deep/b.xml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(JUNIT)
    Path("reports/notes.txt").write_text("no XML")
    assert "1 passed" in report("--junit", "reports/*.xml").out
    assert "2 passed" in report("--junit", "reports/**/*.xml").out
    assert "2 passed" in report("--junit", "reports").out
    assert "2 passed" in report("--junit", "reports", "--junit", "reports/*.xml").out
    Path("odd[1].xml").write_text(JUNIT)
    assert "1 passed" in report("--junit", "odd[1].xml").out


def test_missing_files_are_only_warnings(report) -> None:
    Path("empty").mkdir()
    result = report("--junit", "a/*.xml", "--junit", "empty", "--coverage", "cobertura:c.xml", "--summary", "s.md")
    assert result.code == 0
    assert result.err.splitlines() == [
        f"mlgen: warning: the job left no {name}" for name in ("a/*.xml", "empty", "c.xml", "s.md")
    ]
    report().passed()


@pytest.mark.parametrize(
    "text", [BILLION, EXTERNAL, '<!DOCTYPE testsuite SYSTEM "http://127.0.0.1:9/x.dtd"><testsuite/>']
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_doctype_is_refused(report, text: str, encoding: str) -> None:
    Path("r.xml").write_bytes(text.encode(encoding))
    report("--junit", "r.xml").failed("r.xml: refused, as it has a DOCTYPE", code=2)


@pytest.mark.parametrize(
    "text",
    ["", "<a>", "<a></b>", "text", "<a>&undeclared;</a>", '<?xml version="1.0" encoding="nonsense"?><a/>', "\x00"],
)
def test_broken_xml_is_told_after_the_rest(report, summary: Path, text: str) -> None:
    Path("a.xml").write_text(text)
    Path("b.xml").write_text(JUNIT)
    Path("s.md").write_text("# Mine\n")
    result = report("--junit", "*.xml", "--summary", "s.md")
    result.failed("a.xml: not XML", code=2)
    assert "1 passed" in result.out
    assert "# Mine" in summary.read_text()


def test_deep_xml(report) -> None:
    Path("r.xml").write_text("<a>" * 200_000 + "</a>" * 200_000)
    assert report("--junit", "r.xml").code in (0, 2)


HOSTILE = [
    "::set-output name=x::y",
    "a&#10;::error::forged",
    "a&#13;::error::forged",
    "##[add-mask]a",
    "x ##[error]y",
    "&#x85;::error::forged",
    "&#x2028;::error::forged",
    "%0A::error::forged",
    "&#9;::error::forged",
    "&#160;::error::forged",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "where",
    [
        'name="{}"><failure message="m"/>',
        'name="n"><failure message="{}"/>',
        'name="n" file="{}"><failure>{}</failure>',
    ],
)
def test_no_workflow_command_is_smuggled_in(report, summary: Path, text: str, where: str) -> None:
    Path("r.xml").write_text(f"<t><testcase {where.replace('{}', text)}</testcase></t>")
    result = report("--junit", "r.xml")
    assert result.code == 0
    commands = [line for line in result.out.splitlines() if line.lstrip().startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error title=test failed")
    others = [line for line in result.out.splitlines() if not line.startswith("::error title=test failed")]
    assert len(others) == 2
    assert not any("##[" in line for line in others)


def test_escapes_of_annotations(ci) -> None:
    system = ci.GitHubActions()
    assert (
        system.annotate("error", "a:b,c", "50%\r\nx", "d,e:f", 3)
        == "::error title=a%3Ab%2Cc,file=d%2Ce%3Af,line=3::50%25%0D%0Ax"
    )
    assert system.annotate("warning", "t", "m", "", 3) == "::warning title=t::m"


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from(" \t\n\r:#[]%ae\u2028\u00a0\x0b")))
def test_a_harmless_line_is_no_command(ci, text: str) -> None:
    line = ci.GitHubActions().harmless(text.replace("\n", " ").replace("\r", " "))
    assert not line.lstrip().startswith("::")
    assert "##[" not in line


def test_markdown_is_escaped(report, summary: Path) -> None:
    Path("r.xml").write_text(
        '<t><testcase name="a|b"><failure message="&lt;img src=x&gt; [l](http://e) `c` **b** $x$"/></testcase></t>'
    )
    report("--junit", "r.xml")
    row = summary.read_text().splitlines()[4]
    assert row == r"| a\|b | \<img src=x\> \[l\]\(http\://e\) \`c\` \*\*b\*\* \$x\$ |"


def test_many_failures_are_cut(report, summary: Path) -> None:
    cases = "".join(f'<testcase name="t{n}"><failure message="{"x" * 9999}"/></testcase>' for n in range(70))
    Path("r.xml").write_text(f"<t>{cases}</t>")
    result = report("--junit", "r.xml")
    assert result.out.count("::error ") == 10
    assert result.out.count("FAILED") == 50
    assert "  ... and 20 more\n" in result.out
    assert "... and 20 more" in summary.read_text()
    assert len(summary.read_text()) < 20_000


@pytest.mark.parametrize(
    ("doctype", "more", "share"),
    [
        ("", "", "50.00%"),
        ("", ' lines-covered="1" lines-valid="3"', "33.33%"),
        ("", ' lines-covered="0" lines-valid="0"', "no lines"),
        ('<!DOCTYPE coverage SYSTEM "http://127.0.0.1:9/coverage-04.dtd">', "", "50.00%"),
    ],
)
def test_cobertura(report, summary: Path, doctype: str, more: str, share: str) -> None:
    Path("c.xml").write_text(COBERTURA.format(doctype, more))
    result = report("--coverage", "cobertura:c.xml")
    result.passed()
    assert result.out == f"coverage: {share}\n"
    assert summary.read_text() == f"### Coverage: {share}\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "<coverage/>",
        '<coverage line-rate="2"/>',
        '<coverage line-rate="nan"/>',
        '<coverage line-rate="x"/>',
        '<coverage lines-covered="3" lines-valid="2"/>',
        '<coverage lines-valid="2"/>',
        COBERTURA.format('<!DOCTYPE coverage [<!ENTITY a "b">]>', ""),
        COBERTURA.format('<!DOCTYPE coverage SYSTEM "x.dtd" [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>', ""),
        "no XML",
    ],
)
def test_broken_cobertura(report, text: str) -> None:
    Path("c.xml").write_text(text)
    report("--coverage", "cobertura:c.xml").failed("c.xml", code=2)


def test_lcov(report) -> None:
    Path("l.info").write_text(
        "TN:\nSF:a\nDA:1,1\nDA:2,0\nDA:3,12,checksum\nLF:3\nLH:2\nend_of_record\nSF:b\nDA:1,0\nend_of_record\n"
    )
    assert report("--coverage", "lcov:l.info").out == "coverage: 50.00%\n"
    Path("l.info").write_text("")
    assert report("--coverage", "lcov:l.info").out == "coverage: no lines\n"
    Path("l.info").write_bytes(b"\xff")
    report("--coverage", "lcov:l.info").failed(code=2)


def test_another_format_fails_at_once(report) -> None:
    Path("r.xml").write_text(JUNIT)
    result = report("--coverage", "jacoco:j.xml", "--junit", "r.xml")
    result.failed("cobertura, lcov", code=2)
    assert "passed" not in result.out


def test_a_summary_file_is_appended_as_it_is(report, summary: Path) -> None:
    summary.write_text("before\n")
    Path("s.md").write_text("# Über\n\n![x](y)\n")
    report("--summary", "s.md").passed()
    assert summary.read_text() == "before\n# Über\n\n![x](y)\n\n"


def test_a_summary_beyond_the_limit_is_left_out(report, summary: Path) -> None:
    Path("s.md").write_text("x" * (1024 * 1024))
    result = report("--summary", "s.md")
    assert result.code == 0
    assert "::warning title=mlgen::the job's summary is full" in result.out
    assert summary.read_text() == ""


def test_a_log_that_is_not_unicode(run) -> None:
    Path("r.xml").write_text('<t><testcase name="ü"><failure message="→"/></testcase></t>', encoding="utf-8")
    result = run("report", "--junit", "r.xml", PYTHONIOENCODING="ascii")
    result.passed()
    assert "\\xfc" in result.out
