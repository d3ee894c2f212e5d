"""Names whose rows left for an archive, and what that means for a request. Pure.

An archived month's operations and rounds leave the database; their hashes stay. A request
that needs such a row cannot be decided: it is answered "send again", and the row is asked for.
Once it is back, the repeat is decided as if nothing had ever left.

A cached operation may be away, too. What the cache knows of it is still right, so a repeat is
answered from there; only what would be written beside it has to wait.
"""

from collections.abc import Callable, Iterable, Iterator, Set
from functools import partial
from typing import NamedTuple

from ledger.accepting.cache import read_set_of
from ledger.accepting.model import (
    AwayName,
    Decision,
    LedgerView,
    OperationKey,
    OperationRow,
    Request,
)
from ledger.accepting.retry_later import retry_later
from vocabulary.ids import RowKind
from vocabulary.outcomes import Verdict

DecideOne = Callable[[LedgerView, Request], Decision]


class RoundName(NamedTuple):
    """A round as the database looks for it."""

    provider: str
    round_id: str
    match_key: int


def unless_away(decide_one: DecideOne, away: Set[AwayName]) -> DecideOne:
    """A function that decides, unless the request needs a row that is away."""
    return partial(_decide_unless_away, decide_one, away) if away else decide_one


def away_key(key: OperationKey) -> AwayName:
    """The name of an operation."""
    return AwayName(RowKind.OPERATION, *key)


def rounds_of(decisions: Iterable[Decision]) -> list[RoundName]:
    """The rounds that decisions would write to, in order."""
    rows = (row for decision in decisions for row in decision.operations)
    return sorted({RoundName(row.provider, row.round_id, row.match_key) for row in rows})


def recalls_of(decisions: Iterable[Decision]) -> list[AwayName]:
    """The names that decisions wait for, in order."""
    return sorted({name for decision in decisions for name in decision.recalls})


def _decide_unless_away(
    decide_one: DecideOne, away: Set[AwayName], view: LedgerView, request: Request
) -> Decision:
    decision = decide_one(view, request)
    if decision.verdict is Verdict.REPEATED:
        return decision  # the stored reply is all it needs
    # A key that is away comes back with its round, so what would be written is asked after.
    needed = away & set(_unknown_keys(view, request))
    needed = needed or away & set(_beside(decision.operations))
    return retry_later(request, sorted(needed)) if needed else decision


def _unknown_keys(view: LedgerView, request: Request) -> Iterator[AwayName]:
    """The operations that a request names and that are not known."""
    read_set = read_set_of([request])
    for key in read_set.own_keys | read_set.referenced_keys:
        if key not in view.operations:
            yield away_key(key)


def _beside(rows: Iterable[OperationRow]) -> Iterator[AwayName]:
    """The rounds that rows are written to, and the operations that they undo."""
    for row in rows:
        yield AwayName(RowKind.ROUND, row.provider, row.round_id)
        if row.reverses is not None:
            yield away_key((row.provider, row.reverses))
