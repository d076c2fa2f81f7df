"""The questions on a terminal. Nothing is changed on the disk before the last is answered."""

from __future__ import annotations

import re
from collections.abc import Callable

from mlgen import targets
from mlgen.init.draft import Wishes, test_command, train_command
from mlgen.init.look import Found, slug

NONE = "-"


def ask(found: Found, wishes: Wishes) -> Wishes:
    """Ask what the user has not said yet; an empty answer takes what was found. EOFError and KeyboardInterrupt pass."""
    print(f"An empty answer takes what is in [brackets]; `{NONE}` means none.")
    if wishes.name is None:
        wishes = wishes._replace(name=_answer("Name of the project", found.name, read_name))
    if not wishes.targets:
        detected = " ".join(system.name for system in found.systems)
        print(f"CI systems: {' '.join(targets.names())}")
        chosen = _answer("Compile for", detected, _targets)
        wishes = wishes._replace(targets=tuple(dict.fromkeys(chosen.split())))
    if wishes.python is None and not found.packages.image:
        wishes = wishes._replace(python=_answer("Python", found.python.version, read_python))
    if wishes.train is None and found.work.imported is None:
        wishes = wishes._replace(train=_command("Command that trains", train_command(found)))
    if wishes.test is None:
        wishes = wishes._replace(test=_command("Command that tests", test_command(found)))
    return wishes


def _command(question: str, default: str) -> str:
    answer = _answer(question, default or NONE, lambda text: (text, ""))
    return "" if answer == NONE else answer


def _answer(question: str, default: str, read: Callable[[str], tuple[str, str]]) -> str:
    """Ask until `read` finds no fault; it gives the value and the fault."""
    while True:
        try:
            said = input(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        except UnicodeDecodeError:
            print("  that is not UTF-8")
            continue
        value, fault = read("".join(c for c in said if c.isprintable()))
        if not fault:
            return value
        print(f"  {fault}")


def read_name(text: str) -> tuple[str, str]:
    """The name, and what is wrong with it."""
    wanted = slug(text)
    return text, "" if text and text == wanted else f"letters, digits, - and _{f': {wanted}?' if wanted else ''}"


def _targets(text: str) -> tuple[str, str]:
    names = re.split(r"[,\s]+", text.strip())
    unknown = [name for name in names if name not in targets.names()]
    known = ", ".join(targets.names())
    return " ".join(names), "" if not unknown else f"{unknown[0]} is none of {known}" if text else f"one of {known}"


def read_python(text: str) -> tuple[str, str]:
    """The version, and what is wrong with it."""
    return text, "" if re.fullmatch(r"3\.\d+(\.\d+)?", text, re.ASCII) else "such as 3.12"
