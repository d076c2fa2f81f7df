"""Conditions, version 1, as Travis evaluates them: https://docs.travis-ci.com/user/conditions-v1

The grammar and the values are those of https://github.com/travis-ci/travis-conditions (lib/travis/conditions/v1). What
that parser takes otherwise than it looks, such as words without quotes and operators without spaces, is refused here:
a condition that cannot be parsed makes the job vanish.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from mlgen.named import NamedTuple
from mlgen.readback.unread import Unread
from mlgen.regex import fullmatch, regex

Value = str | bool | None


class Context(NamedTuple):
    """What is known of a request for a build: its attributes, and the variables of the file and of the request."""

    attributes: Mapping[str, str | None]
    env: Mapping[str, str]


Test = Callable[[Context], Value]

ATTRIBUTES = frozenset(("branch", "commit_message", "head_branch", "head_repo", "repo", "tag", "type"))
"""The attributes of which an event of the language tells the value."""
_UNKNOWN = frozenset(("dist", "draft", "fork", "group", "language", "os", "sender", "sudo"))
_TOKEN = regex(
    r"""\s*(?:
      (?P<text>"[^"]*"|'[^']*')
    | (?P<sign>==|=~|~=|!~|!=|=|&&|\|\||!|\(|\)|,)
    | (?P<word>[^\s()"',=!~|&]+)
    )""",
    re.VERBOSE,
)
_REGEX = regex(r"\s*/((?:[^/\\]|\\.)*)/(?=[\s)]|\Z)")


class Condition(NamedTuple):
    """A condition that has been read: its text, whether it holds, and the variables that it asks for."""

    text: str
    test: Test
    asks: frozenset[str]

    def holds(self, known: Context) -> bool:
        """Whether it holds."""
        return _truth(self.test(known))


@lru_cache(maxsize=1024)
def parse(text: str) -> Condition:
    """The condition; an empty one always holds. Unread says what cannot be read."""
    if not text.strip():
        return Condition("", lambda _: True, frozenset())
    parser = _Parser(text)
    test = parser.alternatives()
    if parser.kind != "end":
        raise parser.fault("the end")
    return Condition(text, test, frozenset(parser.asks))


class _Parser:
    """The condition, token by token: `kind` and `token` are the next one."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.kind, self.token, self.end = "", "", 0
        self.asks: set[str] = set()
        self.step()

    def step(self) -> None:
        """Goes on to the next token."""
        self.at = self.end
        found = _TOKEN.match(self.text, self.at)
        if found:
            self.kind, self.token, self.end = str(found.lastgroup), str(found[str(found.lastgroup)]), found.end()
            # Travis takes `branch!` and `"x"AND` apart in its own way.
            after = self.text[self.end : self.end + 1]
            if self.kind == "word" and after and not re.match(r"[\s,=()]", after):
                raise self.fault("a space behind the word")
            if self.kind == "text" and after and not re.match(r"[\s,)]", after):
                raise self.fault("a space behind the text")
        elif self.text[self.at :].strip():
            raise self.fault("a word, a text or an operator")
        else:
            self.kind, self.token = "end", ""

    def fault(self, wanted: str) -> Unread:
        """What to raise where something else was to come."""
        return Unread(f"the condition `{self.text}` cannot be read: {wanted} expected at `{self.text[self.at :]}`")

    def takes(self, *tokens: str) -> str:
        """Steps over the token if it is one of these, in lower case; gives it, else nothing."""
        token = self.token.lower() if self.kind in ("word", "sign") else ""
        if token not in tokens:
            return ""
        self.step()
        return token

    def needs(self, token: str) -> None:
        """Steps over the token; Unread if it is another."""
        if not self.takes(token):
            raise self.fault(f"`{token}`")

    def alternatives(self) -> Test:
        """Conjunctions with `OR` between them."""
        found = [self.conjunction()]
        while self.takes("or", "||"):
            found.append(self.conjunction())
        return found[0] if len(found) == 1 else lambda known: any(_truth(test(known)) for test in found)

    def conjunction(self) -> Test:
        """Terms with `AND` between them."""
        found = [self.unit()]
        while self.takes("and", "&&"):
            found.append(self.unit())
        return found[0] if len(found) == 1 else lambda known: all(_truth(test(known)) for test in found)

    def unit(self) -> Test:
        """A term, one in parentheses, or one that must not hold."""
        if self.takes("("):
            inner = self.alternatives()
            self.needs(")")
            return inner
        if self.takes("not", "!"):
            denied = self.unit()
            return lambda known: not _truth(denied(known))
        return self.term()

    def term(self) -> Test:
        """A value, alone or compared."""
        left = self.operand()
        operator = self.token if self.kind == "sign" else ""
        if operator in ("=~", "~=", "!~"):
            regex, wanted = self.regex(), operator != "!~"
            return lambda known: _matches(regex, left(known)) is wanted
        if self.takes("=", "=="):
            right = self.operand()
            return lambda known: _cast(left(known)) == _cast(right(known))
        if self.takes("!="):
            other = self.operand()
            return lambda known: _cast(left(known)) != _cast(other(known))
        if self.takes("is"):
            wanted = not self.takes("not")
            return self.predicate(left, wanted)
        negated = bool(self.takes("not"))
        if negated and self.token.lower() != "in":
            raise self.fault("`IN`")
        if self.takes("in"):
            values = self.list_()
            return lambda known: (_cast(left(known)) in [_cast(value(known)) for value in values]) is not negated
        return left

    def predicate(self, left: Test, wanted: bool) -> Test:
        """`present`, `blank`, `true` or `false`."""
        name = self.takes("present", "blank", "true", "false")
        if not name:
            raise self.fault("`present` or `blank`")
        if name in ("present", "blank"):
            return lambda known: (bool(_cast(left(known))) is (name == "present")) is wanted
        return lambda known: (_truth(left(known)) is (name == "true")) is wanted

    def list_(self) -> list[Test]:
        """Values in parentheses."""
        self.needs("(")
        found = [self.operand()]
        while self.takes(","):
            found.append(self.operand())
        self.needs(")")
        return found

    def operand(self) -> Test:
        """An attribute, a variable, several values put together, or a text."""
        token = self.token
        if self.kind == "text":
            self.step()
            return lambda _: token[1:-1]
        name = token.lower()
        if self.kind != "word":
            raise self.fault("a value")
        if token in ATTRIBUTES:
            self.step()
            return lambda known: known.attributes.get(token)
        if name in ("env", "concat"):
            self.step()
            return self.call(name)
        if name in ("true", "false"):
            self.step()
            return lambda _: name == "true"
        raise self.fault("an attribute that is known here" if token in _UNKNOWN else "a text in quotes")

    def call(self, name: str) -> Test:
        """`env(NAME)` or `concat(A, B, …)`."""
        if name == "concat":
            parts = self.list_()
            return lambda known: "".join(_text(_cast(part(known))) for part in parts)
        self.needs("(")
        asked = self.token.strip("\"'")
        if self.kind not in ("word", "text") or not fullmatch(r"[A-Za-z_]\w*", asked):
            raise self.fault("the name of a variable")
        self.step()
        self.needs(")")
        self.asks.add(asked)
        return lambda known: known.env.get(asked)

    def regex(self) -> re.Pattern[str]:
        """The regular expression behind the operator, which is still the next token."""
        found = _REGEX.match(self.text, self.end)
        if not found:
            self.step()
            raise self.fault("a regular expression between slashes")
        self.end = found.end()
        self.step()
        return _compiled(found[1], self)


def _compiled(text: str, parser: _Parser) -> re.Pattern[str]:
    r"""Ruby's expression as Python's: there, `^` and `$` hold at every line, `\z` is the end, and words are ASCII.

    https://docs.ruby-lang.org/en/3.3/Regexp.html; what the two do not read alike is refused.
    """
    inner = re.sub(r"\\.", "", text)
    odd = re.search(r"\\[^\W_]", re.sub(r"\\[AzbBdDsSwWnrtfv]", "", text.replace("\\\\", "")))
    if not text.isascii() or odd or re.search(r"\(\?(?!:|=|!)|[*+?}]\+|\[[^\]]*(?:\[|&&)", inner):
        raise parser.fault(f"a regular expression that Ruby and Python read alike, not /{text}/,")
    text = re.sub(r"(?<!\\)((?:\\\\)*)\\z", r"\1\\Z", text)
    try:
        return re.compile(text, re.MULTILINE | re.ASCII)
    except re.error as fault:
        raise parser.fault(f"a regular expression ({fault})") from fault


def _cast(value: Value) -> Value:
    """`true` and `false` are no texts."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _truth(value: Value) -> bool:
    """Whether Ruby takes the value to hold: an empty text does."""
    return _cast(value) not in (None, False)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else value or ""


def _matches(regex: re.Pattern[str], value: Value) -> bool:
    value = _cast(value)
    return value is not None and regex.search(_text(value)) is not None
