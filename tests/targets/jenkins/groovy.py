"""Jenkinsfiles as Groovy 2.4, which Jenkins runs, reads and evaluates them; nothing here uses mlgen's own reader."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.engines.tools import base_env, find, groovy_classpath, java_options, run

_SCRIPTS = """
import org.codehaus.groovy.ast.*
import org.codehaus.groovy.ast.expr.*
import org.codehaus.groovy.control.*

def found = []
args.each { name ->
    def unit = new CompilationUnit()
    unit.addSource('WorkflowScript', new File(name).getText('UTF-8'))
    unit.compile(Phases.CONVERSION)
    def stage = ''
    unit.AST.modules[0].statementBlock.visit(new CodeVisitorSupport() {
        void visitMethodCallExpression(MethodCallExpression call) {
            if (call.methodAsString == 'stage') stage = call.arguments.expressions[0].value
            if (call.methodAsString == 'sh') {
                def given = call.arguments.expressions[0].mapEntryExpressions
                def said = given.collectEntries { [it.keyExpression.value, it.valueExpression.value] }
                found << [file: name, stage: stage, label: said.label, script: said.script]
            }
            super.visitMethodCallExpression(call)
        }
    })
}
new PrintStream(System.out, true, 'UTF-8').println(groovy.json.JsonOutput.toJson(found))
"""

_EVALUATE = """
class Causes {
    List causes
    List getBuildCauses(String type) { causes.findAll { it == type } }
}
%s
def jobs() { [%s] }
def found = new groovy.json.JsonSlurper().parse(new File(args[0])).collect { run ->
    binding.setVariable('env', run.env + [:])
    binding.setVariable('currentBuild', new Causes(causes: run.causes))
    env.JENKINS_EVENT = event()
    [event: env.JENKINS_EVENT, jobs: jobs().findAll { name, holds -> holds() }.keySet()]
}
println groovy.json.JsonOutput.toJson(found)
"""


def _groovy(folder: Path, script: str, *args: Path) -> Any:
    file = folder / "script.groovy"
    file.write_text(script, "utf-8")
    argv: list[str | Path] = [
        find("java"),
        *java_options(),
        "-Dfile.encoding=UTF-8",
        "-cp",
        groovy_classpath(),
        "groovy.ui.GroovyMain",
    ]
    done = run([*argv, "-c", "UTF-8", file, *args], cwd=folder, env=base_env(folder / "home"))
    if done.code:
        raise RuntimeError(done.out + done.err)
    return json.loads(done.out)


def scripts(folder: Path, *texts: str) -> list[dict[str, str]]:
    """Every `sh` of the files, in order: its stage, label and script."""
    files = [folder / f"{index}.Jenkinsfile" for index in range(len(texts))]
    for file, text in zip(files, texts):
        file.write_text(text, "utf-8")
    found: list[dict[str, str]] = _groovy(folder, _SCRIPTS, *files)
    return found


def runs(folder: Path, text: str, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each event, what `event()` says and the stages with steps that run on it."""
    (folder / "events.json").write_text(json.dumps(events), "utf-8")
    both = ((name, " && ".join(f"({when})" for when in whens)) for name, whens in conditions(text))
    jobs = ", ".join(f"{json.dumps(name)}: {{ {when} }}" for name, when in both)
    event = text[text.index("def event()") : text.index("\npipeline {")]
    found: list[dict[str, Any]] = _groovy(folder, _EVALUATE % (event, jobs.replace("$", "\\$")), folder / "events.json")
    return found


def conditions(text: str) -> list[tuple[str, list[str]]]:
    """The stages that set MLGEN_JOB, each with the expressions of its `when` and of those around, by indentation."""
    found = []
    around: list[tuple[int, str, list[str]]] = []
    lines = text.split("\n")
    for index, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if stage := re.fullmatch(r" +stage\('(.*)'\) \{", line):
            around = [one for one in around if one[0] < indent]
            around.append((indent, stage[1], []))
        elif one_line := re.fullmatch(r" +expression \{ (.*) \}", line):
            around[-1][2].append(one_line[1])
        elif line.strip() == "expression {":
            end = next(i for i in range(index, len(lines)) if lines[i] == " " * indent + "}")
            around[-1][2].append("\n".join(lines[index + 1 : end]))
        elif line.strip().startswith("MLGEN_JOB = "):
            found.append((around[-1][1], [when for _, _, whens in around for when in whens]))
    return found
