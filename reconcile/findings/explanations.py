"""A break of two books in one sentence that needs no knowledge of either."""

from collections.abc import Callable
from typing import Any

from breaks.kinds import BreakKind
from vocabulary.money import text_from_minor

Sentence = Callable[["ReadableBreak"], str]


class ReadableBreak:
    """One row of breaks, readable: amounts as text with their currency.

    ``row`` has the columns of ``Classified.breaks`` as attributes, None where one is null.
    """

    def __init__(self, row: Any, provider: str, exponent: int) -> None:
        self.row = row
        self.provider = provider
        self._exponent = exponent

    @property
    def player(self) -> str:
        """The player as we know them, or else as the provider does."""
        ours, theirs = self.row.player_ours, self.row.player_theirs
        return str(theirs if ours is None else ours)

    def text(self, minor: int) -> str:
        """An amount without its currency."""
        return text_from_minor(minor, self._exponent)

    def money(self, minor: int) -> str:
        """An amount with its currency."""
        return f"{self.text(minor)} {self.row.currency}"

    def amount(self, column: str) -> str:
        """The amount in a column."""
        return self.money(getattr(self.row, column))

    def side(self, name: str) -> dict[str, Any] | None:
        """What one side says of the round; None where it is silent."""
        row = self.row
        if getattr(row, f"records_{name}") is None:
            return None
        told = {
            "stake": self.text(getattr(row, f"stake_{name}")),
            "payout": self.text(getattr(row, f"payout_{name}")),
            "player": getattr(row, f"player_{name}"),
            "records": getattr(row, f"records_{name}"),
            "at": getattr(row, f"at_{name}").isoformat(),
        }
        if getattr(row, f"wrong_declared_{name}") is not None:
            told["declared_net"] = self.text(getattr(row, f"wrong_declared_{name}"))
        if getattr(row, f"rolled_back_{name}"):
            told["rolled_back"] = True
        return told

    def owed(self) -> str:
        """Who is owed the difference."""
        return owed(self.row.difference, self.money)


def owed(difference: int, money: Callable[[int], str]) -> str:
    """Who is owed a difference, in words."""
    if difference == 0:
        return "no money is owed"
    who = "the player is owed" if difference > 0 else "the operator is owed"
    return f"{who} {money(abs(difference))}"


def _missing_in_ledger(said: ReadableBreak) -> str:
    return (
        f"{said.provider} reports a stake of {said.amount('stake_theirs')} and a payout of"
        f" {said.amount('payout_theirs')} for round {said.row.round_id}, which the ledger has"
        f" never booked; {said.owed()}."
    )


def _missing_at_provider(said: ReadableBreak) -> str:
    return (
        f"The ledger booked a stake of {said.amount('stake_ours')} and a payout of"
        f" {said.amount('payout_ours')} for round {said.row.round_id}, which {said.provider}"
        f" does not report; {said.owed()}."
    )


def _currency(said: ReadableBreak) -> str:
    teller, other = ("The ledger", said.provider)
    if said.row.records_ours is None:
        teller, other = (said.provider, "the ledger")
    return (
        f"{teller} has round {said.row.round_id} in {said.row.currency} and {other} has it in"
        f" another currency; in {said.row.currency} {said.owed()}."
    )


def _player(said: ReadableBreak) -> str:
    return (
        f"The ledger booked round {said.row.round_id} for player {said.row.player_ours}, but"
        f" {said.provider} reports it for {said.row.player_theirs}"
        f"{' and others' if said.row.players_theirs > 1 else ''}; the amounts are judged apart."
    )


def _ambiguous(said: ReadableBreak) -> str:
    teller, other = ("The ledger", said.provider)
    if said.row.records_ours is None:
        teller, other = (said.provider, "the ledger")
    return (
        f"{teller} has one round more like {said.row.round_id} (same player, same amounts, near"
        f" in time) than {other}, and nothing tells which of them is the one too many;"
        f" {said.owed()}."
    )


def _status(said: ReadableBreak) -> str:
    undone, stands = ("the ledger", said.provider)
    if not said.row.rolled_back_ours:
        undone, stands = (stands, undone)
    return (
        f"Round {said.row.round_id} was rolled back at {undone}, but {stands} says that it"
        f" stands; {said.owed()}."
    )


def _differing(what: str) -> Sentence:
    def sentence(said: ReadableBreak) -> str:
        return (
            f"{said.provider} reports a {what} of {said.amount(f'{what}_theirs')} for round"
            f" {said.row.round_id}, the ledger booked {said.amount(f'{what}_ours')};"
            f" {said.owed()}."
        )

    return sentence


def _duplicate(who: str, side: str) -> Sentence:
    def sentence(said: ReadableBreak) -> str:
        extras = getattr(said.row, f"extras_{side}")
        times = "once more" if extras == 1 else f"{extras} times more"
        teller = said.provider if side == "theirs" else who
        return (
            f"{teller} tells a line of round {said.row.round_id} {times} under the same id;"
            f" taken as real, {said.owed()}."
        )

    return sentence


def _arithmetic(said: ReadableBreak) -> str:
    row = said.row
    return (
        f"{said.provider} contradicts itself about round {row.round_id}: stake and payout make"
        f" {said.money(row.wrong_net_theirs)} to the player, but {_declared(said)}."
    )


def _declared(said: ReadableBreak) -> str:
    row = said.row
    if row.wrong_declared_theirs not in {None, row.wrong_net_theirs}:
        return f"the line declares {said.money(row.wrong_declared_theirs)}"
    before, after = said.text(row.wrong_before_theirs), said.text(row.wrong_after_theirs)
    return f"the balance went from {before} to {after} {row.currency}"


def _round_total(said: ReadableBreak) -> str:
    row = said.row
    declared = [
        said.money(getattr(row, f"{what}_ours") if told is None else told)
        for what, told in (
            ("stake", row.declared_stake_ours),
            ("payout", row.declared_payout_ours),
        )
    ]
    return (
        f"{said.provider} ended round {row.round_id} naming a stake of {declared[0]} and a"
        f" payout of {declared[1]}, but the ledger booked {said.amount('stake_ours')} and"
        f" {said.amount('payout_ours')}; by those totals {said.owed()}."
    )


def _open_overdue(said: ReadableBreak) -> str:
    return (
        f"Round {said.row.round_id} took a stake of {said.amount('stake_ours')} and was never"
        f" ended though its time is over; ask {said.provider} whether it is to be refunded."
    )


#: One sentence per kind that ``reconcile.matching.classify`` finds.
SENTENCES: dict[BreakKind, Sentence] = {
    BreakKind.MISSING_IN_LEDGER: _missing_in_ledger,
    BreakKind.MISSING_AT_PROVIDER: _missing_at_provider,
    BreakKind.CURRENCY: _currency,
    BreakKind.AMBIGUOUS: _ambiguous,
    BreakKind.STATUS: _status,
    BreakKind.STAKE: _differing("stake"),
    BreakKind.PAYOUT: _differing("payout"),
    BreakKind.DUPLICATE_AT_PROVIDER: _duplicate("The provider", "theirs"),
    BreakKind.DUPLICATE_IN_LEDGER: _duplicate("The ledger", "ours"),
    BreakKind.PLAYER: _player,
    BreakKind.ARITHMETIC: _arithmetic,
    BreakKind.ROUND_TOTAL: _round_total,
    BreakKind.OPEN_OVERDUE: _open_overdue,
}
