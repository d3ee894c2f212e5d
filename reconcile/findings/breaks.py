"""A break as people read it: kind, round, player, amount, and a sentence that explains it."""

from collections import namedtuple
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import Any

from breaks.impact import player_impact
from breaks.kinds import BreakKind, Impact
from reconcile.findings.explanations import EXPLANATIONS, ReadableBreak
from reconcile.snapshot.arrays import python_values, texts
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.shared_rounds import player_of_share, round_of
from vocabulary.currencies import digits_of

_NO_EVIDENCE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One difference about one round.

    Attributes:
        id: the same for the same difference in every run.
        ours, theirs: what either side has, amounts as decimal text; None if it has nothing.
        difference: signed, minor units: positive means the player is owed.
        at: when the round, or whatever the break is about, began.
        first_seen: when a run first found it; later runs keep it.
        subject: what it is about within the round, such as an operation key; may be empty.
        alias: the provider's own round id if it differs; else empty.
        share: whose share of a shared round it is about; empty if its round has one player.
        evidence: references to its sources; see ``reconcile.findings.evidence``.
    """

    id: str
    kind: BreakKind
    impact: Impact
    player: str
    currency: str
    round_id: str
    match_key: int
    ours: Mapping[str, Any] | None
    theirs: Mapping[str, Any] | None
    difference: int
    at: datetime
    first_seen: datetime
    explanation: str
    subject: str = ""
    alias: str = ""
    share: str = ""
    evidence: Mapping[str, Any] = field(default_factory=lambda: _NO_EVIDENCE)


def break_id(provider: str, kind: str, round_id: str, currency: str, subject: str = "") -> str:
    """Return the id of a difference, which is stable over runs."""
    name = f"{provider}\0{kind}\0{round_id}\0{currency}"
    if subject:
        name += f"\0{subject}"
    return "brk-" + blake2b(name.encode(), digest_size=10).hexdigest()


def breaks_from_rows(
    rows: Columns, *, provider: str, exponents: Mapping[str, int], now: datetime
) -> tuple[Break, ...]:
    """Convert the rows of ``Classified.break_rows`` to breaks with explanations."""
    digits = {code: digits_of(code, exponents) for code in set(texts(rows["currency"]))}
    return tuple(
        _break(
            row.round_id,
            ReadableBreak(_without_shares(row), provider, digits[row.currency]),
            now,
        )
        for row in _named_rows(rows)
    )


def _named_rows(rows: Columns) -> Iterator[Any]:
    """Yield rows with plain Python values, None for null; whole columns convert fastest."""
    row = _row_type(tuple(rows.arrays))
    return map(row._make, zip(*map(python_values, rows.arrays.values()), strict=True))


@cache
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("row", names)


def _without_shares(row: Any) -> Any:
    """Replace the names of player shares in a row by the provider's round ids."""
    return row._replace(round_id=round_of(row.round_id), alias=round_of(row.alias))


def _break(name: str, break_: ReadableBreak, now: datetime) -> Break:
    row = break_.row
    kind = BreakKind(row.kind)
    began = row.began_theirs if row.began_ours is None else row.began_ours
    return Break(
        id=break_id(break_.provider, row.kind, name, row.currency),
        kind=kind,
        impact=player_impact(kind, row.difference),
        player=break_.player,
        currency=row.currency,
        round_id=row.round_id,
        match_key=row.match_key,
        ours=break_.side("ours"),
        theirs=break_.side("theirs"),
        difference=row.difference,
        at=began.to_pydatetime(),
        first_seen=now,
        explanation=_explanation(kind, break_),
        alias=row.alias,
        share=player_of_share(name),
    )


def _explanation(kind: BreakKind, break_: ReadableBreak) -> str:
    """The sentence of the kind, and which movements of the round have no answer."""
    sentence = EXPLANATIONS[kind](break_)
    unanswered = getattr(break_.row, "unanswered", "")
    if not unanswered or kind is BreakKind.UNANSWERED:
        return sentence
    return f"{sentence} {unanswered}"
