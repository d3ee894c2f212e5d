"""A break as people see it: who, which round, how much, and a sentence that explains it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import pandas as pd

from reconcile.classify import BreakKind, Impact, impact_of
from vocabulary.money import exponent_of, text_from_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One difference about one round.

    Attributes:
        id: the same for the same difference in every run.
        ours, theirs: what either side says, amounts as decimal text; None where it is silent.
        difference: signed, minor units: positive means the player is owed.
        first_seen: when a run first saw it; kept over later runs.
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
    first_seen: datetime
    explanation: str


def break_id(provider: str, kind: str, round_id: str, currency: str) -> str:
    """The name of a difference, stable over runs."""
    named = f"{provider}\0{kind}\0{round_id}\0{currency}"
    return "brk-" + blake2b(named.encode(), digest_size=10).hexdigest()


def breaks_from_frame(
    frame: pd.DataFrame, *, provider: str, exponents: Mapping[str, int], now: datetime
) -> tuple[Break, ...]:
    """The rows of ``Classified.breaks``, put into words."""
    return tuple(
        _break(row, provider, exponent_of(str(row.currency), exponents), now)
        for row in frame.itertuples(index=False)
    )


def _break(row: Any, provider: str, exponent: int, now: datetime) -> Break:
    kind = BreakKind(row.kind)
    said = _Said(row, provider, exponent)
    return Break(
        id=break_id(provider, row.kind, row.round_id, row.currency),
        kind=kind,
        impact=impact_of(row.difference),
        player=said.player,
        currency=row.currency,
        round_id=row.round_id,
        match_key=int(row.match_key),
        ours=said.side("ours"),
        theirs=said.side("theirs"),
        difference=int(row.difference),
        first_seen=now,
        explanation=_SENTENCES[kind](said),
    )


class _Said:
    """One row of breaks, readable: amounts as text with their currency."""

    def __init__(self, row: Any, provider: str, exponent: int) -> None:
        self.row = row
        self.provider = provider
        self._exponent = exponent

    @property
    def player(self) -> str:
        ours = self.row.player_ours
        return str(self.row.player_theirs if pd.isna(ours) else ours)

    def text(self, minor: int) -> str:
        return text_from_minor(int(minor), self._exponent)

    def money(self, minor: int) -> str:
        return f"{self.text(minor)} {self.row.currency}"

    def amount(self, column: str) -> str:
        return self.money(getattr(self.row, column))

    def side(self, name: str) -> dict[str, Any] | None:
        row = self.row
        if pd.isna(getattr(row, f"records_{name}")):
            return None
        told = {
            "stake": self.text(getattr(row, f"stake_{name}")),
            "payout": self.text(getattr(row, f"payout_{name}")),
            "player": getattr(row, f"player_{name}"),
            "records": int(getattr(row, f"records_{name}")),
            "at": getattr(row, f"at_{name}").isoformat(),
        }
        if not pd.isna(getattr(row, f"wrong_declared_{name}")):
            told["declared_net"] = self.text(getattr(row, f"wrong_declared_{name}"))
        return told

    def owed(self) -> str:
        difference = int(self.row.difference)
        if difference == 0:
            return "no money is owed"
        who = "the player is owed" if difference > 0 else "the operator is owed"
        return f"{who} {self.money(abs(difference))}"


def _missing_in_ledger(said: _Said) -> str:
    return (
        f"{said.provider} reports a stake of {said.amount('stake_theirs')} and a payout of"
        f" {said.amount('payout_theirs')} for round {said.row.round_id}, which the ledger has"
        f" never booked; {said.owed()}."
    )


def _missing_at_provider(said: _Said) -> str:
    return (
        f"The ledger booked a stake of {said.amount('stake_ours')} and a payout of"
        f" {said.amount('payout_ours')} for round {said.row.round_id}, which {said.provider}"
        f" does not report; {said.owed()}."
    )


def _currency(said: _Said) -> str:
    teller, other = ("The ledger", said.provider)
    if said.side("ours") is None:
        teller, other = (said.provider, "the ledger")
    return (
        f"{teller} has round {said.row.round_id} in {said.row.currency} and {other} has it in"
        f" another currency; in {said.row.currency} {said.owed()}."
    )


def _player(said: _Said) -> str:
    return (
        f"The ledger booked round {said.row.round_id} for player {said.row.player_ours}, but"
        f" {said.provider} reports it for {said.row.player_theirs}"
        f"{' and others' if said.row.players_theirs > 1 else ''}; the amounts are judged apart."
    )


def _differing(what: str) -> Callable[[_Said], str]:
    def sentence(said: _Said) -> str:
        return (
            f"{said.provider} reports a {what} of {said.amount(f'{what}_theirs')} for round"
            f" {said.row.round_id}, the ledger booked {said.amount(f'{what}_ours')};"
            f" {said.owed()}."
        )

    return sentence


def _duplicate(who: str, side: str) -> Callable[[_Said], str]:
    def sentence(said: _Said) -> str:
        extras = int(getattr(said.row, f"extras_{side}"))
        times = "once more" if extras == 1 else f"{extras} times more"
        teller = said.provider if side == "theirs" else who
        return (
            f"{teller} tells a line of round {said.row.round_id} {times} under the same id;"
            f" taken as real, {said.owed()}."
        )

    return sentence


def _arithmetic(said: _Said) -> str:
    row = said.row
    return (
        f"{said.provider} contradicts itself about round {row.round_id}: stake and payout make"
        f" {said.money(row.wrong_net_theirs)} to the player, but {_declared(said)}."
    )


def _open_overdue(said: _Said) -> str:
    return (
        f"Round {said.row.round_id} took a stake of {said.amount('stake_ours')} and was never"
        f" ended though its time is over; ask {said.provider} whether it is to be refunded."
    )


def _declared(said: _Said) -> str:
    row = said.row
    if (
        not pd.isna(row.wrong_declared_theirs)
        and row.wrong_declared_theirs != row.wrong_net_theirs
    ):
        return f"the line declares {said.money(row.wrong_declared_theirs)}"
    before, after = said.text(row.wrong_before_theirs), said.text(row.wrong_after_theirs)
    return f"the balance went from {before} to {after} {row.currency}"


_SENTENCES: dict[BreakKind, Callable[[_Said], str]] = {
    BreakKind.MISSING_IN_LEDGER: _missing_in_ledger,
    BreakKind.MISSING_AT_PROVIDER: _missing_at_provider,
    BreakKind.CURRENCY: _currency,
    BreakKind.PLAYER: _player,
    BreakKind.STAKE: _differing("stake"),
    BreakKind.PAYOUT: _differing("payout"),
    BreakKind.DUPLICATE_AT_PROVIDER: _duplicate("The provider", "theirs"),
    BreakKind.DUPLICATE_IN_LEDGER: _duplicate("The ledger", "ours"),
    BreakKind.ARITHMETIC: _arithmetic,
    BreakKind.OPEN_OVERDUE: _open_overdue,
}
