"""`mlgen init`: a first spec from what a project shows of itself, compiled before it is written."""

from __future__ import annotations

from mlgen.init.draft import Draft, Wishes, draft
from mlgen.init.look import Found, look
from mlgen.init.propose import Proposal, propose

__all__ = ["Draft", "Found", "Proposal", "Wishes", "draft", "look", "propose"]
