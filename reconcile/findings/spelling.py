"""Round ids that differ only by case or blanks: two breaks with one cause, which they name."""

from collections.abc import Iterable
from dataclasses import replace

from breaks.kinds import BreakKind
from feeds.statements.cells import shown
from feeds.statements.values.text import INVISIBLE, bare
from reconcile.findings.breaks import Break

_KINDS = (BreakKind.MISSING_IN_LEDGER, BreakKind.MISSING_AT_PROVIDER)
_NO_BLANKS = str.maketrans(dict.fromkeys(INVISIBLE))


def with_spellings(breaks: Iterable[Break], provider: str) -> list[Break]:
    """The breaks, each missing round with the name of its only counterpart in other spelling.

    Both breaks stay: that the rounds are the same is for a person to decide.
    """
    breaks = list(breaks)
    counterparts: dict[tuple[str, str, BreakKind], list[Break]] = {}
    for break_ in breaks:
        if break_.kind in _KINDS:
            counterparts.setdefault((*_spelling(break_), break_.kind), []).append(break_)
    return [_named(break_, counterparts, provider) for break_ in breaks]


def _named(
    break_: Break, missing: dict[tuple[str, str, BreakKind], list[Break]], provider: str
) -> Break:
    if break_.kind not in _KINDS:
        return break_
    other = _KINDS[1 - _KINDS.index(break_.kind)]
    same, counterparts = (
        missing.get((*_spelling(break_), kind), []) for kind in (break_.kind, other)
    )
    if len(same) != 1 or len(counterparts) != 1:
        return break_
    side = "The ledger" if other is BreakKind.MISSING_AT_PROVIDER else provider
    sentence = (
        f"{break_.explanation} {side} has round {shown(counterparts[0].round_id)}, whose id"
        " differs only by case or blanks (settings id_case and id_trim of statements)."
    )
    return replace(break_, explanation=sentence)


def _spelling(break_: Break) -> tuple[str, str]:
    """What the ids of the same round have in common, whatever their case and blanks."""
    return bare(break_.round_id).translate(_NO_BLANKS).casefold(), break_.currency
