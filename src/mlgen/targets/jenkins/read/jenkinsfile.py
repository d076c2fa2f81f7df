"""A Jenkinsfile taken apart as Declarative Pipeline does: methods and fields above, and the pipeline's sections.

https://www.jenkins.io/doc/book/pipeline/syntax/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgen.named import NamedTuple
from mlgen.targets.jenkins.read.groovy import Parser
from mlgen.targets.jenkins.read.scope import Frame, Returned, Run, World, bound
from mlgen.targets.jenkins.read.values import Closure, Value
from mlgen.targets.jenkins.reader import Token

HARMLESS = frozenset((
    "ansiColor", "buildDiscarder", "disableRestartFromStage", "durabilityHint", "preserveStashes", "quietPeriod",
    "timestamps",
))  # fmt: skip
"""Options that change nothing of what runs."""
CONDITIONS = (
    "aborted", "always", "changed", "cleanup", "failure", "fixed", "regression", "success", "unstable", "unsuccessful",
)  # fmt: skip
"""https://www.jenkins.io/doc/book/pipeline/syntax/#post"""


class Condition(NamedTuple):
    """An `expression { }`: how to evaluate it, and its text for people."""

    run: Run
    text: str


class Agent(NamedTuple):
    """Where a stage runs: https://www.jenkins.io/doc/book/pipeline/syntax/#agent"""

    label: str = ""
    image: str = ""
    args: str = ""
    pull: bool = False
    registry: str = ""
    login: str = ""


class Call(NamedTuple):
    """An option, parameter or trigger: its name, and its arguments, not yet evaluated."""

    name: str
    line: int
    run: Run
    arguments: Callable[[Frame], list[Value]]
    strings: tuple[str, ...]
    """The texts in it."""


class Stage(NamedTuple):
    """One stage: it has `steps`, or stages in it, one after the other or side by side."""

    name: str
    line: int
    when: tuple[Condition, ...] = ()
    early: str = ""
    """`beforeAgent` or `beforeOptions`, if the condition is looked at before these."""
    lock: Call | None = None
    agent: Agent | None = None
    environment: tuple[tuple[str, Run], ...] = ()
    steps: Run | None = None
    stages: tuple[Stage, ...] = ()
    parallel: bool = False
    post: tuple[tuple[str, Run], ...] = ()


class File(NamedTuple):
    """All of it. `texts` are the methods' tokens as one text each, and those of the fields."""

    world: World
    texts: dict[str, str]
    options: tuple[Call, ...]
    parameters: tuple[Call, ...]
    triggers: tuple[Call, ...]
    environment: tuple[tuple[str, Run], ...]
    stages: tuple[Stage, ...]
    post: tuple[tuple[str, Run], ...]


def read(text: str, world: World) -> File:
    """The file; Unreadable says what cannot be read, and where."""
    parser = Parser(text)
    texts = above(parser, world)
    parser.expect("pipeline")
    pipeline = _pipeline(parser)
    parser.newlines()
    if parser.here.kind != "end":
        raise parser.fail()
    if not pipeline.get("stages"):
        raise parser.fail("there is no pipeline with stages")
    return File(
        world,
        texts,
        *(pipeline.get(name, ()) for name in ("options", "parameters", "triggers", "environment", "stages", "post")),  # type: ignore[arg-type]
    )


def said(tokens: list[Token]) -> str:
    """The tokens as one text, whatever their layout is."""
    return " ".join(repr(t.text) if t.kind in ("string", "long") else t.text for t in tokens if t.kind != "newline")


# --- above the pipeline


def above(parser: Parser, world: World) -> dict[str, str]:
    """The methods and fields, put into the world; the tokens of each as one text, by name."""
    texts: dict[str, str] = {}
    parser.newlines()
    while not (parser.here.kind == "end" or parser.at("pipeline")):
        if parser.at("@"):
            _annotated(parser, world, texts)
        elif parser.at("def"):
            _method(parser, world, texts)
        elif parser.at("import"):
            while parser.here.kind not in ("newline", "end"):
                parser.position += 1
        else:
            raise parser.fail()
        parser.newlines()
    return texts


def _annotated(parser: Parser, world: World, texts: dict[str, str]) -> None:
    """A field, a method that runs without being saved, or a library."""
    start = parser.position
    parser.expect("@")
    name = parser.word()
    while parser.skip("."):
        name = parser.word()
    if name == "NonCPS":
        parser.newlines()
        if not parser.at("def"):
            raise parser.fail()
        _method(parser, world, texts, start)
    elif name == "Field":
        parser.word()
        field = parser.word()
        parser.expect("=")
        world.fields[field] = parser.expression()(Frame(world))
        texts[f"field {field}"] = said(parser.tokens[start : parser.position])
    elif name == "Library":
        parser.expression()
        parser.word()
    else:
        raise parser.fail(f"the annotation {name} is not known")


def _method(parser: Parser, world: World, texts: dict[str, str], start: int = -1) -> None:
    """`def NAME(TYPE PARAMETER = DEFAULT, …) { … }`"""
    start = parser.position if start < 0 else start
    parser.expect("def")
    name = parser.word()
    parser.expect("(")
    names, defaults = [], {}
    while not parser.at(")"):
        word = parser.word()
        if parser.here.kind == "word":
            word = parser.word()
        names.append(word)
        if parser.skip("="):
            defaults[word] = parser.expression()
        if not parser.skip(","):
            break
    parser.expect(")")
    if name in world.methods:
        raise parser.fail(f"the method {name} stands twice")
    body = parser.block()
    world.methods[name] = Closure(bound(body, names, world, None, defaults), len(names))
    texts[name] = said(parser.tokens[start : parser.position])


# --- the pipeline


def _directives(parser: Parser, where: str, known: tuple[str, ...]) -> Iterator[str]:
    """The names of the directives of a block, each once; the caller reads what follows the name."""
    seen = set()
    parser.expect("{")
    parser.newlines()
    while not parser.at("}"):
        token = parser.here
        name = parser.word()
        if name not in known:
            parser.position -= 1
            raise parser.fail(f"{where}: {name} is not known here")
        if name in seen:
            parser.position -= 1
            raise parser.fail(f"{where}: {name} stands twice")
        seen.add(name)
        yield name
        if parser.here.line == token.line and not (parser.here.kind == "newline" or parser.at(";") or parser.at("}")):
            raise parser.fail()
        parser.newlines()
    parser.expect("}")


def _pipeline(parser: Parser) -> dict[str, object]:
    found: dict[str, object] = {}
    known = ("agent", "options", "parameters", "triggers", "environment", "stages", "post")
    for name in _directives(parser, "pipeline", known):
        if name == "agent":
            parser.expect("none")
        elif name in ("options", "parameters", "triggers"):
            found[name] = tuple(_calls(parser))
        elif name == "environment":
            found[name] = tuple(_environment(parser))
        elif name == "stages":
            found[name] = tuple(_stages(parser))
        else:
            found[name] = tuple(_post(parser, "post of the pipeline"))
    return found


def _calls(parser: Parser) -> Iterator[Call]:
    parser.expect("{")
    parser.newlines()
    while not parser.at("}"):
        token = parser.here
        start = parser.position
        run = parser.argument()
        strings = tuple(t.text for t in parser.tokens[start : parser.position] if t.kind in ("string", "long"))
        arguments = getattr(run, "arguments", None)
        if arguments is None:
            raise parser.fail(f"{token.text} is no call")
        yield Call(token.text, token.line, run, arguments, strings)
        if not (parser.here.kind == "newline" or parser.at("}") or parser.at(";")):
            raise parser.fail()
        parser.newlines()
    parser.expect("}")


def _environment(parser: Parser) -> Iterator[tuple[str, Run]]:
    parser.expect("{")
    parser.newlines()
    while not parser.at("}"):
        name = parser.word()
        parser.expect("=")
        yield name, parser.expression()
        parser.newlines()
    parser.expect("}")


def _post(parser: Parser, where: str) -> Iterator[tuple[str, Run]]:
    for name in _directives(parser, where, CONDITIONS):
        yield name, parser.block()


def _stages(parser: Parser) -> Iterator[Stage]:
    parser.expect("{")
    parser.newlines()
    seen = set()
    while not parser.at("}"):
        stage = _stage(parser)
        if stage.name in seen:
            raise parser.fail(f"two stages side by side are called {stage.name}")
        seen.add(stage.name)
        yield stage
        parser.newlines()
    parser.expect("}")


_BODIES = ("steps", "stages", "parallel")


def _stage(parser: Parser) -> Stage:
    line = parser.here.line
    parser.expect("stage")
    parser.expect("(")
    if parser.here.kind != "string":
        raise parser.fail()
    name = parser.here.text
    parser.position += 1
    parser.expect(")")
    where = f"stage {name}"
    found: dict[str, object] = {}
    for directive in _directives(parser, where, ("when", "options", "agent", "environment", "post", *_BODIES)):
        if directive in _BODIES and any(body in found for body in _BODIES):
            raise parser.fail(f"{where} has more than one of {', '.join(_BODIES)}")
        if directive == "when":
            found["when"], found["early"] = _when(parser, where)
        elif directive == "options":
            found["lock"] = _lock(parser, where)
        elif directive == "agent":
            found["agent"] = _agent(parser, where)
        elif directive == "environment":
            found["environment"] = tuple(_environment(parser))
        elif directive == "post":
            found["post"] = tuple(_post(parser, f"post of {where}"))
        elif directive == "steps":
            found["steps"] = _steps(parser)
        else:
            found[directive] = tuple(_stages(parser))
    if not any(body in found for body in _BODIES):
        raise parser.fail(f"{where} needs one of {', '.join(_BODIES)}")
    inside = found.pop("parallel", None)
    if inside is not None:
        return Stage(name, line, **{**found, "stages": inside, "parallel": True})  # type: ignore[arg-type]
    return Stage(name, line, **found)  # type: ignore[arg-type]


def _steps(parser: Parser) -> Run:
    body = parser.block()
    return lambda frame: body(Frame(frame.world, frame))


def _when(parser: Parser, where: str) -> tuple[tuple[Condition, ...], str]:
    """Only `expression`: all that stand there must hold; and before what they are looked at.

    `beforeOptions` comes before `beforeAgent`: https://www.jenkins.io/doc/book/pipeline/syntax/#when
    """
    known = ("beforeAgent", "beforeOptions", "beforeInput", "expression")
    found, early = [], ""
    for name in _directives(parser, f"when of {where}", known):
        if name == "expression":
            start = parser.position + 1
            run = parser.block()
            found.append(Condition(_valued(run), _shown(parser, start)))
        else:
            parser.expect("true")
            early = name if early != "beforeOptions" and name != "beforeInput" else early
    return tuple(found), early


def _valued(body: Run) -> Run:
    """The block's value, be it returned or its last one."""

    def run(frame: Frame) -> Value:
        try:
            return bool(body(Frame(frame.world, frame)))
        except Returned as returned:
            return bool(returned.value)

    return run


def _shown(parser: Parser, start: int) -> str:
    begin, end = parser.tokens[start].at, parser.tokens[parser.position - 1].at
    return " ".join(parser.text[begin:end].split())


def _lock(parser: Parser, where: str) -> Call | None:
    found: Call | None = None
    for call in _calls(parser):
        if call.name == "lock" and found is None:
            found = call
        elif call.name not in HARMLESS:
            raise parser.fail(f"options of {where}: {call.name} is not known here")
    return found


_DOCKER = ("image", "label", "args", "alwaysPull", "registryUrl", "registryCredentialsId")


def _agent(parser: Parser, where: str) -> Agent | None:
    if parser.skip("none"):
        return None
    if parser.skip("any"):
        return Agent()
    said: dict[str, str] = {}
    for kind in _directives(parser, f"agent of {where}", ("label", "docker")):
        if kind == "label":
            said["label"] = _string(parser)
            continue
        for name in _directives(parser, f"docker of {where}", _DOCKER):
            if name == "alwaysPull":
                said[name] = parser.word()
            else:
                said[name] = _string(parser)
        if "image" not in said:
            raise parser.fail(f"docker of {where}: it has no image")
    return Agent(
        said.get("label", ""),
        said.get("image", ""),
        said.get("args", ""),
        said.get("alwaysPull") == "true",
        said.get("registryUrl", ""),
        said.get("registryCredentialsId", ""),
    )


def _string(parser: Parser) -> str:
    token = parser.here
    if token.kind not in ("string", "long"):
        raise parser.fail()
    parser.position += 1
    return token.text
