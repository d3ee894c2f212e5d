"""Commands that are background work, and how their process learns that it yields.

A command yields only in a process of its own, which ``main`` starts. Called from another
program, such as a test or the demo, it would slow down everything that follows.
"""

from collections.abc import Mapping
from typing import Any, Final

from ops.context import Context
from ops.work import Work

#: Given to the root command as its object: the process runs one command and ends.
OWN_PROCESS: Final = "own process"

#: Commands, and groups of them, by the part of the work that they are.
BACKGROUND: Mapping[str, Work] = {
    "reconcile": Work.RECONCILE,
    "day run": Work.RECONCILE,
    "day close": Work.RECONCILE,
    "ledger verify": Work.PROOFS,
    "ledger replay": Work.PROOFS,
    "ledger seal": Work.PROOFS,
    "ledger checkpoint": Work.PROOFS,
    "ledger audit": Work.PROOFS,
    "archive": Work.PROOFS,
    "feed import": Work.IMPORTS,
    "feed pull": Work.IMPORTS,
    "report": Work.REPORTS,
    "totals": Work.REPORTS,
    "figures": Work.REPORTS,
    "explained": Work.REPORTS,
}


def note_work(ctx: Any) -> None:
    """Note in the context of a command which part of the work it is, if it is any."""
    context = ctx.find_object(Context)
    work = BACKGROUND.get(_words_of(ctx))
    if context is not None and context.is_own_process and work is not None:
        context.work = work


def _words_of(ctx: Any) -> str:
    """The words of a command without the program's name: ``ledger verify``."""
    words: list[str] = []
    while ctx.parent is not None:
        words.insert(0, str(ctx.info_name))
        ctx = ctx.parent
    return " ".join(words)
