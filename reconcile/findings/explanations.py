"""One sentence for every kind of break, readable without knowledge of either book."""

from collections.abc import Callable
from typing import Any

from breaks.kinds import BreakKind
from feeds.statements.reading.cells import shown
from reconcile.findings.id_settings import joining_settings
from vocabulary.money import text_from_minor

Explain = Callable[["ReadableBreak"], str]


class ReadableBreak:
    """One row of breaks with its amounts as text.

    ``row`` has the columns of ``Classified.break_rows`` as attributes, None for null.
    """

    def __init__(self, row: Any, provider: str, exponent: int) -> None:
        self.row = row
        self.provider = provider
        self._exponent = exponent

    @property
    def player(self) -> str:
        """Our name of the player, or else the provider's."""
        ours, theirs = self.row.player_ours, self.row.player_theirs
        return str(theirs if ours is None else ours)

    def text(self, minor: int) -> str:
        """Return an amount as decimal text without currency."""
        return text_from_minor(minor, self._exponent)

    def money(self, minor: int) -> str:
        """Return an amount as decimal text with its currency."""
        return f"{self.text(minor)} {self.row.currency}"

    def amount(self, column: str) -> str:
        """Return the amount in a column, with currency."""
        return self.money(getattr(self.row, column))

    def side(self, name: str) -> dict[str, Any] | None:
        """Return what one side has of the round, or None if it has nothing."""
        row = self.row
        if getattr(row, f"records_{name}") is None:
            return None
        details = {
            "stake": self.text(getattr(row, f"stake_{name}")),
            "payout": self.text(getattr(row, f"payout_{name}")),
            "player": getattr(row, f"player_{name}"),
            "records": getattr(row, f"records_{name}"),
            "at": getattr(row, f"at_{name}").isoformat(),
        }
        if getattr(row, f"wrong_declared_{name}") is not None:
            details["declared_net"] = self.text(getattr(row, f"wrong_declared_{name}"))
        if getattr(row, f"rolled_back_{name}"):
            details["rolled_back"] = True
        return details

    def owed(self) -> str:
        """Say who is owed the difference."""
        return owed(self.row.difference, self.money)

    def invoiced(self) -> str:
        """Say what the difference does to the provider's GGR."""
        if self.row.difference == 0:
            return "and its GGR is the same"
        direction = "less" if self.row.difference > 0 else "more"
        return f"but its GGR counts {self.money(abs(self.row.difference))} {direction}"


def owed(difference: int, money: Callable[[int], str]) -> str:
    """Say who is owed a difference."""
    if difference == 0:
        return "no money is owed"
    creditor = "the player is owed" if difference > 0 else "the operator is owed"
    return f"{creditor} {money(abs(difference))}"


def _missing_in_ledger(break_: ReadableBreak) -> str:
    return (
        f"{break_.provider} reports a stake of {break_.amount('stake_theirs')} and a payout of"
        f" {break_.amount('payout_theirs')} for round {break_.row.round_id}, which the ledger"
        f" has never booked; {break_.owed()}."
    )


def _missing_at_provider(break_: ReadableBreak) -> str:
    return (
        f"The ledger booked a stake of {break_.amount('stake_ours')} and a payout of"
        f" {break_.amount('payout_ours')} for round {break_.row.round_id}, which"
        f" {break_.provider} does not report; {break_.owed()}."
    )


def _id_spelling(break_: ReadableBreak) -> str:
    row = break_.row
    stake, payout = (break_.amount(f"{name}_ours") for name in ("stake", "payout"))
    reported = [break_.amount(f"{name}_theirs") for name in ("stake", "payout")]
    amounts = f"both have a stake of {stake} and a payout of {payout}"
    if reported != [stake, payout]:
        amounts = (
            f"besides, the ledger booked a stake of {stake} and a payout of {payout}, and"
            f" {break_.provider} reports {reported[0]} and {reported[1]}"
        )
    return (
        f"The ledger has round {shown(row.round_id)} and {break_.provider} has"
        f" {shown(row.alias)}, ids that differ only by case or blanks;"
        f" {joining_settings(row.round_id, row.alias)}; {amounts}; {break_.owed()}."
    )


def _unanswered(break_: ReadableBreak) -> str:
    return (
        f"{break_.row.unanswered} {break_.provider} does not report round"
        f" {break_.row.round_id}, for which a stake of {break_.amount('stake_ours')} and a"
        f" payout of {break_.amount('payout_ours')} are booked: reverse them; {break_.owed()}."
    )


def _reporter(break_: ReadableBreak) -> tuple[str, str]:
    """Return the side that has a one-sided round, and the other one."""
    if break_.row.records_ours is None:
        return break_.provider, "the ledger"
    return "The ledger", break_.provider


def _currency(break_: ReadableBreak) -> str:
    reporter, counterpart = _reporter(break_)
    return (
        f"{reporter} has round {break_.row.round_id} in {break_.row.currency} and"
        f" {counterpart} has it in another currency; in {break_.row.currency} {break_.owed()}."
    )


def _player(break_: ReadableBreak) -> str:
    row = break_.row
    other_players = " and others" if row.players_theirs > 1 else ""
    return (
        f"The ledger booked round {row.round_id} for player {row.player_ours}, but"
        f" {break_.provider} reports it for {row.player_theirs}{other_players}; the amounts are"
        " judged apart."
    )


def _ambiguous(break_: ReadableBreak) -> str:
    reporter, counterpart = _reporter(break_)
    return (
        f"{reporter} has one round more like {break_.row.round_id} (same player, same amounts,"
        f" near in time) than {counterpart}, and nothing tells which of them is the one too"
        f" many; {break_.owed()}."
    )


def _status(break_: ReadableBreak) -> str:
    undone, stands = ("the ledger", break_.provider)
    if not break_.row.rolled_back_ours:
        undone, stands = (stands, undone)
    return (
        f"Round {break_.row.round_id} was rolled back at {undone}, but {stands} says that it"
        f" stands; {break_.owed()}."
    )


def _differing(column: str) -> Explain:
    def sentence(break_: ReadableBreak) -> str:
        return (
            f"{break_.provider} reports a {column} of {break_.amount(f'{column}_theirs')} for"
            f" round {break_.row.round_id}, the ledger booked"
            f" {break_.amount(f'{column}_ours')}; {break_.owed()}."
        )

    return sentence


def _duplicate(side: str) -> Explain:
    def sentence(break_: ReadableBreak) -> str:
        extras = getattr(break_.row, f"extras_{side}")
        times = "once more" if extras == 1 else f"{extras} times more"
        if side == "ours":
            return (
                f"The ledger holds a line of round {break_.row.round_id} {times} under the same"
                f" id; taken as real, {break_.owed()}."
            )
        return (
            f"{break_.provider} reports a line of round {break_.row.round_id} {times} under the"
            f" same id; no player is owed anything, {break_.invoiced()}."
        )

    return sentence


def _arithmetic(break_: ReadableBreak) -> str:
    row = break_.row
    return (
        f"{break_.provider} contradicts itself about round {row.round_id}: stake and payout"
        f" make {break_.money(row.wrong_net_theirs)} to the player, but {_declared(break_)}."
    )


def _declared(break_: ReadableBreak) -> str:
    row = break_.row
    if row.wrong_declared_theirs not in {None, row.wrong_net_theirs}:
        return f"the line declares {break_.money(row.wrong_declared_theirs)}"
    before, after = break_.text(row.wrong_before_theirs), break_.text(row.wrong_after_theirs)
    return f"the balance went from {before} to {after} {row.currency}"


def _round_total(break_: ReadableBreak) -> str:
    row = break_.row
    stake = row.stake_ours if row.declared_stake_ours is None else row.declared_stake_ours
    payout = row.payout_ours if row.declared_payout_ours is None else row.declared_payout_ours
    if row.rolled_back_ours:
        return (
            f"{break_.provider} rolled back round {row.round_id} for another amount than it had"
            f" moved, which leaves a stake of {break_.money(stake)} and a payout of"
            f" {break_.money(payout)}, but the ledger undid all of it; by that {break_.owed()}."
        )
    return (
        f"{break_.provider} ended round {row.round_id} naming a stake of"
        f" {break_.money(stake)} and a payout of {break_.money(payout)}, but the ledger"
        f" booked {break_.amount('stake_ours')} and {break_.amount('payout_ours')}; by"
        f" those totals {break_.owed()}."
    )


def _open_overdue(break_: ReadableBreak) -> str:
    return (
        f"Round {break_.row.round_id} took a stake of {break_.amount('stake_ours')} and was"
        f" never ended though its time is over; ask {break_.provider} whether it is to be"
        " refunded."
    )


#: One sentence for each kind that ``reconcile.matching.classify`` finds, and for what
#: ``reconcile.findings.unanswered`` makes of one of them.
EXPLANATIONS: dict[BreakKind, Explain] = {
    BreakKind.MISSING_IN_LEDGER: _missing_in_ledger,
    BreakKind.MISSING_AT_PROVIDER: _missing_at_provider,
    BreakKind.UNANSWERED: _unanswered,
    BreakKind.CURRENCY: _currency,
    BreakKind.AMBIGUOUS: _ambiguous,
    BreakKind.ID_SPELLING: _id_spelling,
    BreakKind.STATUS: _status,
    BreakKind.STAKE: _differing("stake"),
    BreakKind.PAYOUT: _differing("payout"),
    BreakKind.DUPLICATE_AT_PROVIDER: _duplicate("theirs"),
    BreakKind.DUPLICATE_IN_LEDGER: _duplicate("ours"),
    BreakKind.PLAYER: _player,
    BreakKind.ARITHMETIC: _arithmetic,
    BreakKind.ROUND_TOTAL: _round_total,
    BreakKind.OPEN_OVERDUE: _open_overdue,
}
