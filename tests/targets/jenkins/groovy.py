"""Jenkinsfiles as Groovy 2.4, which Jenkins runs, reads and evaluates them; nothing here uses mlgen's own reader."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.engines.jenkins_harness import run_script

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
println groovy.json.JsonOutput.toJson(found)
"""

_EVALUATE = """
class Causes {
    List causes
    List getBuildCauses(String type) { causes.findAll { it == type } }
}
%s
def string(Map given) { given }
def file(Map given) { given }
def arbitraryFileCache(Map given) { given }
def stages() { [%s] }
def rows() { [%s].collectMany { row -> row.when ? (row.legs ?: [row])*.name : [] } }
def found = new groovy.json.JsonSlurper().parse(new File(args[0])).collect { run ->
    binding.setVariable('env', run.env + [:])
    binding.setVariable('params', run.params ?: [:])
    binding.setVariable('currentBuild', new Causes(causes: run.causes))
    env.JENKINS_EVENT = event()
    [event: env.JENKINS_EVENT, jobs: stages().findAll { name, holds -> holds() }.keySet() + rows()]
}
println groovy.json.JsonOutput.toJson(found)
"""


def _groovy(folder: Path, script: str, *args: Path) -> Any:
    file = folder / "script.groovy"
    file.write_text(script, "utf-8")
    return json.loads(run_script(file, *args))


def scripts(folder: Path, *texts: str) -> list[dict[str, str]]:
    """Every `sh` of the files, in order: its stage, label and script."""
    files = [folder / f"{index}.Jenkinsfile" for index in range(len(texts))]
    for file, text in zip(files, texts):
        file.write_text(text, "utf-8")
    found: list[dict[str, str]] = _groovy(folder, _SCRIPTS, *files)
    return found


def runs(folder: Path, text: str, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each event, what `event()` says and the stages with steps and rows of tables that run on it."""
    (folder / "events.json").write_text(json.dumps(events), "utf-8")
    both = ((name, " && ".join(f"({when})" for when in whens)) for name, whens in conditions(text))
    jobs = ", ".join(f"{json.dumps(name)}: {{ {when} }}" for name, when in both)
    head = text[text.index("def event()") : text.index("\npipeline {")].partition("// How the jobs of this run")[0]
    rows = ", ".join(f"*{name}()" for name in re.findall(r"def (\w+Jobs\w*)\(\)", head))
    script = _EVALUATE % (head, jobs.replace("$", "\\$") or ":", rows)
    found: list[dict[str, Any]] = _groovy(folder, script, folder / "events.json")
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


_SIZES = """
import org.codehaus.groovy.control.*
import org.codehaus.groovy.control.customizers.ImportCustomizer

def configuration = new CompilerConfiguration()
configuration.addCompilationCustomizers(new ImportCustomizer().addStarImports('com.cloudbees.groovy.cps'))
def unit = new CompilationUnit(configuration)
unit.addSource('WorkflowScript', new File(args[0]).getText('UTF-8'))
unit.compile(Phases.CLASS_GENERATION)

def found = [:]
def skip = { input, long count -> input.skipBytes(count as int) }
unit.classes.findAll { it.name == 'WorkflowScript' }.each { one ->
    def input = new DataInputStream(new ByteArrayInputStream(one.bytes))
    skip(input, 8)
    int constants = input.readUnsignedShort()
    def names = [:]
    for (int i = 1; i < constants; i++) {
        int tag = input.readUnsignedByte()
        if (tag == 1) names[i] = input.readUTF()
        else if (tag in [5, 6]) { skip(input, 8); i++ }
        else skip(input, [3: 4, 4: 4, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 18: 4][tag])
    }
    skip(input, 6)
    skip(input, 2 * input.readUnsignedShort())
    def members = { boolean code ->
        input.readUnsignedShort().times {
            skip(input, 2)
            def name = names[input.readUnsignedShort()]
            skip(input, 2)
            input.readUnsignedShort().times {
                def attribute = names[input.readUnsignedShort()]
                int length = input.readInt()
                if (code && attribute == 'Code') {
                    skip(input, 4)
                    found[name] = input.readInt()
                    skip(input, length - 8)
                } else skip(input, length)
            }
        }
    }
    members(false)
    members(true)
}
println groovy.json.JsonOutput.toJson(found)
"""


def method_sizes(folder: Path, text: str) -> dict[str, int]:
    """The bytes of code of each method of the file, by Groovy's own compiler, without Jenkins' transformer."""
    (folder / "sizes.Jenkinsfile").write_text(text, "utf-8")
    found: dict[str, int] = _groovy(folder, _SIZES, folder / "sizes.Jenkinsfile")
    return found
