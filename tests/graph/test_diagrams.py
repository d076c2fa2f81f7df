"""The diagrams, read by the tools that draw them."""

import html
import re
from pathlib import Path

from mlgen.graph.dot import dot
from mlgen.graph.mermaid import mermaid
from mlgen.graph.picture import Picture, picture
from tests.engines import browser, tools
from tests.graph.conftest import wide
from tests.lower.specs import pipeline


def graphviz(text: str, tmp_path: Path) -> str:
    done = tools.run([tools.find("dot"), "-Tsvg"], cwd=tmp_path, env=tools.base_env(tmp_path / "home"), stdin=text)
    assert (done.code, done.err) == (0, "")
    return done.out


def test_graphviz_draws_every_job_and_name(hostile: Picture, tmp_path: Path) -> None:
    drawn = graphviz(dot(hostile), tmp_path)
    assert drawn.count('class="node"') == len(hostile.nodes) + len(hostile.joints)
    shown = [html.unescape(text) for text in re.findall(r"<text[^>]*>(.*)</text>", drawn)]
    for name in [node.label for node in hostile.nodes] + [stage for stage, _ in hostile.stages]:
        assert name in shown


def test_mermaid_draws_every_job_and_name(hostile: Picture, tmp_path: Path) -> None:
    drawn = rendered(mermaid(hostile), tmp_path)
    assert drawn.count('class="node ') == len(hostile.nodes) + len(hostile.joints)
    shown = html.unescape(re.sub(r"</?(b|p|span|br)\b[^>]*>", "", drawn)).replace("\u2060", "")
    for name in [node.label for node in hostile.nodes] + [stage for stage, _ in hostile.stages]:
        assert re.sub(r"\s+", "", name) in re.sub(r"\s+", "", shown)


def rendered(text: str, tmp_path: Path) -> str:
    page = tmp_path / "page.html"
    page.write_text(
        f"""<!doctype html><meta charset="utf-8"><body><pre>{html.escape(text)}</pre><div></div>
        <script src="mermaid.tiny.js"></script></body>""",
        "utf-8",
    )
    script = """mermaid.initialize({startOnLoad: false, htmlLabels: true});
        const source = document.querySelector('pre').textContent;
        mermaid.render('drawn', source)
          .then(found => { document.querySelector('div').innerHTML = found.svg; })
          .catch(error => console.error('FAILED ' + error));"""
    shown = browser.show(page, script, tools.node_module("@mermaid-js/tiny/dist/mermaid.tiny.js"))
    assert shown.console == []
    return shown.dom.partition("<div>")[2]


def test_barriers_between_stages_come_together() -> None:
    drawn = picture(wide(60))
    assert len(drawn.nodes) == 60
    assert (len(drawn.joints), len(drawn.lines)) == (11, 0)
    assert all((len(j.sources), len(j.targets)) == (5, 5) for j in drawn.joints)


def test_a_wait_that_another_path_shows_is_not_drawn() -> None:
    found = pipeline("""
    stages:
      a: {one: {run: x, outs: [f]}}
      b: {two: {run: x, deps: [f]}}
      c: {three: {run: x}, four: {run: x, deps: [f]}}
    """)
    drawn = {(line.source, line.target): (line.kind, line.label) for line in picture(found).lines}
    assert drawn == {
        ("a.one", "b.two"): ("file", "f"),
        ("b.two", "c.three"): ("order", ""),
        ("b.two", "c.four"): ("order", ""),
        ("a.one", "c.four"): ("file", "f"),
    }
