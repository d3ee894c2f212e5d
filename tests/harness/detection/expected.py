"""What a reconciliation must report of a month, predicted from the plays and faults alone.

It knows nothing of passes, frames or cross-checks and shares only the names of the breaks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.harness.detection import faults
from tests.harness.detection.fault_kinds import Fault, FaultKind
from tests.harness.detection.month import (
    BET_MATURITY,
    NOW,
    ROLLBACK_MATURITY,
    WIN_MATURITY,
    Play,
    System,
)
from tests.harness.detection.unanswered import (
    is_a_break_of_its_own,
    is_reported_all_the_same,
)


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """One break as people read it.

    Attributes:
        difference: in minor units; positive means the player is owed.
    """

    system: str
    kind: str
    round_id: str
    player: str
    currency: str
    difference: int
    impact: str


Predicted = list[tuple[str, int]]


def predicted(play: Play, fault: Fault) -> list[Expected]:
    """Return every break that a fault must cause."""
    return _PREDICTIONS[fault.kind](play, fault)


def _expected(
    play: Play, kind: str, difference: int = 0, *, round_id: str = "", **named: str
) -> Expected:
    owed = "none" if difference == 0 else "player_owed" if difference > 0 else "operator_owed"
    return Expected(
        system=play.system.value,
        kind=kind,
        round_id=round_id or play.round_id,
        player=named.get("player", play.player),
        currency=named.get("currency", play.currency),
        difference=difference,
        impact=owed,
    )


def _dropped(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "missing_at_provider", -play.net)]


def _unanswered(play: Play, fault: Fault) -> list[Expected]:
    if is_reported_all_the_same(fault):
        return []
    if not is_a_break_of_its_own(play, fault):
        return _dropped(play, fault)
    return [_expected(play, "unanswered_operation", -play.net)]


def _phantom(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = faults.phantom_part(play, fault)
    name = faults.phantom_id(play)
    return [_expected(play, "missing_in_ledger", payout - stake, round_id=name)]


def _lost(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "missing_in_ledger", play.net, round_id=play.reported_id)]


def _stake(play: Play, fault: Fault) -> list[Expected]:
    return [_expected(play, "stake_mismatch", -faults.stake_by(play, fault))]


def _payout(play: Play, fault: Fault) -> list[Expected]:
    return [_expected(play, "payout_mismatch", faults.payout_by(play, fault))]


def _apart(play: Play, reported_net: int, player: str) -> list[Expected]:
    """Predict that nothing matches the two rows, so each is missing on the other side."""
    theirs = _expected(
        play, "missing_in_ledger", reported_net, round_id=play.reported_id, player=player
    )
    return [_expected(play, "missing_at_provider", -play.net), theirs]


def _both(play: Play, fault: Fault) -> list[Expected]:
    if play.system is System.UNNAMED:
        excess = faults.payout_by(play, fault) - faults.stake_by(play, fault)
        return _apart(play, play.net + excess, play.player)
    return [*_stake(play, fault), *_payout(play, fault)]


def _player(play: Play, fault: Fault) -> list[Expected]:
    if play.system is System.UNNAMED:
        return _apart(play, play.net, fault.other)
    return [_expected(play, "player_mismatch")]


def _respelled(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "id_spelling")]


def _currency(play: Play, _: Fault) -> list[Expected]:
    other = faults.other_currency(play)
    return [
        _expected(play, "currency_mismatch", -play.net),
        _expected(play, "currency_mismatch", play.net, currency=other),
    ]


def _arithmetic(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "arithmetic_error")]


def _taken_back(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "status_mismatch", -play.net)]


def _undo_unreported(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "status_mismatch", play.net)]


def _twice(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = play.parts[0]
    extras = faults.times_repeated(fault) - 1
    return [_expected(play, "duplicate_at_provider", extras * (payout - stake))]


def _wrong(play: Play, fault: Fault) -> tuple[list[Expected], int]:
    """Predict a wrong amount, and return what it adds to the line's net."""
    if play.system is System.SPORTSBOOK and not play.stake:
        return _payout(play, fault), faults.payout_by(play, fault)
    return _stake(play, fault), -faults.stake_by(play, fault)


def _twice_wrong(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = play.parts[0]
    wrong, excess = _wrong(play, fault)
    extras = faults.times_repeated(fault) - 1
    return [
        *wrong,
        _expected(play, "duplicate_at_provider", extras * (payout - stake + excess)),
    ]


def _totals(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = faults.declared_totals(play, fault)
    return [_expected(play, "round_total_mismatch", payout - stake - play.net)]


def _overdue(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "open_round_overdue")]


def _of_unknown(kind: str) -> Callable[[Play, Fault], list[Expected]]:
    def predict(play: Play, _: Fault) -> list[Expected]:
        return [_expected(play, kind, round_id=faults.unknown_id(play))]

    return predict


def _conflict(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "idempotency_conflict")]


def _logged_not_received(play: Play, fault: Fault) -> list[Expected]:
    moved = -fault.by if fault.variant % 2 else fault.by
    return [_expected(play, "delivery_missing", moved, round_id=faults.unknown_id(play))]


def _disputed(play: Play, _: Fault) -> list[Expected]:
    return [_expected(play, "delivery_disputed")]


def _gap(play: Play, fault: Fault) -> list[Expected]:
    # Without our round ids, balances only serve to find counterparts.
    if play.system is System.UNNAMED:
        return []
    return [_expected(play, "balance_chain_gap", faults.off_by(fault))]


def _twins(play: Play, fault: Fault) -> list[Expected]:
    name, player = f"{play.round_id}a", faults.debtor(play)
    return [_expected(play, "ambiguous_match", 700 - fault.by, round_id=name, player=player)]


def _returned(play: Play, fault: Fault) -> list[Expected]:
    name = f"{play.round_id}{'c' if fault.variant % 2 else 'a'}"
    player = faults.debtor(play)
    return [_expected(play, "ambiguous_match", fault.by, round_id=name, player=player)]


def _below_zero(play: Play, fault: Fault) -> list[Expected]:
    balance = 100 - 400 - fault.by
    name = f"{play.round_id}w"
    player = faults.debtor(play)
    return [_expected(play, "negative_balance", balance, round_id=name, player=player)]


def _unreadable(play: Play, _: Fault) -> list[Expected]:
    place = f"day{play.seed}:{play.number}"
    return [_expected(play, "unparsable_record", round_id=place, player="", currency="XXX")]


def _restated(play: Play, fault: Fault) -> list[Expected]:
    excess = faults.stake_by(play, fault)
    name = play.reported_id
    return [_expected(play, "restated_after_close", excess, round_id=name, player="")]


def _restated_wrong(play: Play, fault: Fault) -> list[Expected]:
    return _wrong(play, fault)[0]


_MATURITY = {"bet": BET_MATURITY, "win": WIN_MATURITY, "rollback": ROLLBACK_MATURITY}


def _booked_kinds(play: Play) -> set[str]:
    """Return the kinds of operation by which we booked a round."""
    if play.system is System.AGENT or play.system is System.XIGS:
        return {"bet", "win"}
    if play.system is System.SPORTSBOOK:
        return {"bet"} if play.stake else {"win"}
    return {"bet", "win"} if play.payout else {"bet"}


def _reported_kinds(play: Play) -> set[str]:
    """Return the kinds of operation that a line reports."""
    amounts = {"bet": play.stake, "win": play.payout}
    return {kind for kind, amount in amounts.items() if amount}


def _once_mature(play: Play, kinds: set[str], expected: Expected) -> list[Expected]:
    """Return a break if the round is older than every kind that it waits for."""
    age = max(_MATURITY[kind] for kind in kinds)
    return [expected] if play.began <= NOW - age else []


def _not_yet_reported(play: Play, _: Fault) -> list[Expected]:
    return _once_mature(
        play, _booked_kinds(play), _expected(play, "missing_at_provider", -play.net)
    )


def _not_yet_received(play: Play, _: Fault) -> list[Expected]:
    return _once_mature(
        play, _reported_kinds(play), _expected(play, "missing_in_ledger", play.net)
    )


def _win_unreported(play: Play, _: Fault) -> list[Expected]:
    return _once_mature(play, {"win"}, _expected(play, "payout_mismatch", -play.payout))


def _win_not_received(play: Play, _: Fault) -> list[Expected]:
    return _once_mature(play, {"win"}, _expected(play, "payout_mismatch", play.payout))


def _undo_not_yet_reported(play: Play, _: Fault) -> list[Expected]:
    return _once_mature(play, {"rollback"}, _expected(play, "status_mismatch", play.net))


def _wrong_while_immature(play: Play, fault: Fault) -> list[Expected]:
    return [_expected(play, "payout_mismatch", faults.wrong_amount(fault))]


_PREDICTIONS: Mapping[FaultKind, Callable[[Play, Fault], list[Expected]]] = {
    FaultKind.DROPPED: _dropped,
    FaultKind.UNANSWERED: _unanswered,
    FaultKind.PHANTOM: _phantom,
    FaultKind.LOST: _lost,
    FaultKind.LOST_DRIFT: _lost,
    FaultKind.STAKE: _stake,
    FaultKind.PAYOUT: _payout,
    FaultKind.BOTH: _both,
    FaultKind.PLAYER: _player,
    FaultKind.RESPELLED: _respelled,
    FaultKind.CURRENCY: _currency,
    FaultKind.NET: _arithmetic,
    FaultKind.AFTER: _arithmetic,
    FaultKind.TAKEN_BACK: _taken_back,
    FaultKind.UNDO_UNREPORTED: _undo_unreported,
    FaultKind.TWICE: _twice,
    FaultKind.TWICE_WRONG: _twice_wrong,
    FaultKind.TOTALS: _totals,
    FaultKind.OVERDUE: _overdue,
    FaultKind.LATE: _of_unknown("late_original"),
    FaultKind.ORPHAN: _of_unknown("orphan_rollback"),
    FaultKind.CONFLICT: _conflict,
    FaultKind.LOGGED_NOT_RECEIVED: _logged_not_received,
    FaultKind.DISPUTED: _disputed,
    FaultKind.BEFORE: _gap,
    FaultKind.DRIFT: _gap,
    FaultKind.TWINS: _twins,
    FaultKind.RETURNED: _returned,
    FaultKind.BELOW_ZERO: _below_zero,
    FaultKind.UNREADABLE: _unreadable,
    FaultKind.RESTATED: _restated,
    FaultKind.RESTATED_WRONG: _restated_wrong,
    FaultKind.NOT_YET_REPORTED: _not_yet_reported,
    FaultKind.NOT_YET_RECEIVED: _not_yet_received,
    FaultKind.WIN_UNREPORTED: _win_unreported,
    FaultKind.WIN_NOT_RECEIVED: _win_not_received,
    FaultKind.UNDO_NOT_YET_REPORTED: _undo_not_yet_reported,
    FaultKind.WRONG_WHILE_IMMATURE: _wrong_while_immature,
}
