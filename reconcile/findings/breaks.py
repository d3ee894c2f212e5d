"""A break as people see it: who, which round, how much, and a sentence that explains it."""

from collections import namedtuple
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import pandas as pd

from breaks.kinds import BreakKind, Impact, impact_of
from reconcile.findings.explanations import SENTENCES, ReadableBreak
from reconcile.snapshot.shared_rounds import round_of
from vocabulary.money import exponent_of

_NO_EVIDENCE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One difference about one round.

    Attributes:
        id: the same for the same difference in every run.
        ours, theirs: what either side says, amounts as decimal text; None where it is silent.
        difference: signed, minor units: positive means the player is owed.
        at: when what it is about began, by whoever tells of it.
        first_seen: when a run first saw it; kept over later runs.
        subject: what it is about within the round, such as an operation key; may be empty.
        alias: the provider's own name of the round, where that is another; else empty.
        evidence: references to what it rests on; see ``reconcile.findings.evidence``.
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
    evidence: Mapping[str, Any] = field(default_factory=lambda: _NO_EVIDENCE)


def break_id(provider: str, kind: str, round_id: str, currency: str, subject: str = "") -> str:
    """The name of a difference, stable over runs."""
    named = f"{provider}\0{kind}\0{round_id}\0{currency}"
    if subject:
        named += f"\0{subject}"
    return "brk-" + blake2b(named.encode(), digest_size=10).hexdigest()


def breaks_from_frame(
    frame: pd.DataFrame, *, provider: str, exponents: Mapping[str, int], now: datetime
) -> tuple[Break, ...]:
    """The rows of ``Classified.breaks``, put into words."""
    digits = {code: exponent_of(code, exponents) for code in set(frame["currency"])}
    return tuple(
        _break(row.round_id, ReadableBreak(_plainly(row), provider, digits[row.currency]), now)
        for row in _rows(frame)
    )


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows with plain Python values, None for null: column by column, thousands at a time."""
    row = namedtuple("row", list(frame.columns))  # type: ignore[misc] # the columns are data
    return map(row._make, zip(*(_plain(frame[name]) for name in frame), strict=True))


def _plain(column: "pd.Series[Any]") -> list[Any]:
    values = column.tolist()
    absent = column.isna().to_numpy()
    if absent.any():
        values = [None if gone else value for value, gone in zip(values, absent, strict=True)]
    return values


def _plainly(row: Any) -> Any:
    """A row with the provider's names of its rounds, also where players shared them."""
    return row._replace(round_id=round_of(row.round_id), alias=round_of(row.alias))


def _break(name: str, said: ReadableBreak, now: datetime) -> Break:
    row = said.row
    kind = BreakKind(row.kind)
    began = row.began_theirs if row.began_ours is None else row.began_ours
    return Break(
        id=break_id(said.provider, row.kind, name, row.currency),
        kind=kind,
        impact=impact_of(row.difference),
        player=said.player,
        currency=row.currency,
        round_id=row.round_id,
        match_key=row.match_key,
        ours=said.side("ours"),
        theirs=said.side("theirs"),
        difference=row.difference,
        at=began.to_pydatetime(),
        first_seen=now,
        explanation=SENTENCES[kind](said),
        alias=row.alias,
    )
