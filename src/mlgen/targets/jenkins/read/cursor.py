"""A way through the tokens of a text of Groovy."""

from __future__ import annotations

from mlgen.targets.jenkins.reader import Token, Unreadable, tokens


class Cursor:
    """The tokens of a text, from left to right."""

    def __init__(self, text: str, line: int = 1) -> None:
        self.text = text
        self.tokens = _significant(text, line)
        self.position = 0

    # --- tokens

    @property
    def here(self) -> Token:
        """The next token."""
        return self.tokens[self.position]

    def fail(self, what: str = "") -> Unreadable:
        """The fault that the next token cannot be read."""
        token = self.here
        return Unreadable(token.line, what or f"cannot read `{token.text.strip() or 'the end'}` here")

    def at(self, text: str) -> bool:
        """Whether the next token is this operator, mark or word."""
        token = self.tokens[self.position]
        return token.text == text and token.kind in ("operator", "mark", "word")

    def skip(self, text: str) -> bool:
        """Goes past the token if it is next."""
        if self.at(text):
            self.position += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        """Goes past the token, which must be next."""
        token = self.here
        if not self.skip(text):
            raise self.fail(f"`{text}` must stand here, not `{token.text.strip() or 'the end of the line'}`")
        return token

    def word(self) -> str:
        """Goes past a name."""
        token = self.here
        if token.kind != "word" or (not token.text[0].isidentifier() and token.text[0] != "$"):
            raise self.fail()
        self.position += 1
        return token.text

    def newlines(self) -> None:
        """Goes past the ends of lines and statements."""
        while self.here.kind == "newline" or self.at(";"):
            self.position += 1

    def source(self, start: int) -> str:
        """The text from a token on to the last one that was read."""
        begin, end = self.tokens[start].at, self.tokens[self.position].at
        return self.text[begin:end].strip().rstrip(";").rstrip()


def _significant(text: str, line: int) -> list[Token]:
    """The tokens without the ends of lines that end no statement: inside of brackets, and behind an operator."""
    found: list[Token] = []
    open_: list[str] = []
    for token in tokens(text):
        if token.kind == "newline":
            if (open_ and open_[-1] != "{") or (
                found and found[-1].text in ("||", "&&") and found[-1].kind == "operator"
            ):
                continue
        elif token.kind == "mark":
            if token.text in "{([":
                open_.append(token.text)
            elif not open_ or {"}": "{", ")": "(", "]": "["}[token.text] != open_.pop():
                raise Unreadable(token.line, f"`{token.text}` closes nothing that is open")
        found.append(token if line == 1 else token._replace(line=token.line + line - 1))
    last = found[-1].line if found else line
    if open_:
        raise Unreadable(last, f"`{open_[-1]}` is not closed")
    return [*found, Token("end", "", last, len(text)), Token("end", "", last, len(text))]
