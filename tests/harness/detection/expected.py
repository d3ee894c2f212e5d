"""What a reconciliation must say of a month: predicted from the plays and the faults alone.

It knows nothing of passes, frames or witnesses; only the words of the breaks are shared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.harness.detection import faults
from tests.harness.detection.fault_kinds import Fault, Lie
from tests.harness.detection.month import BET_RIPE, NOW, ROLLBACK_RIPE, WIN_RIPE, Play, System


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """One break as people read it; ``difference`` in minor units, positive: the player's."""

    system: str
    kind: str
    round_id: str
    player: str
    currency: str
    difference: int
    impact: str


Predicted = list[tuple[str, int]]


def predicted(play: Play, fault: Fault) -> list[Expected]:
    """Every break that a fault must become, and no other."""
    return _PREDICTIONS[fault.lie](play, fault)


def _one(
    play: Play, kind: str, difference: int = 0, *, round_id: str = "", **told: str
) -> Expected:
    owed = "none" if difference == 0 else "player_owed" if difference > 0 else "operator_owed"
    return Expected(
        system=play.system.value,
        kind=kind,
        round_id=round_id or play.round_id,
        player=told.get("player", play.player),
        currency=told.get("currency", play.currency),
        difference=difference,
        impact=owed,
    )


def _dropped(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "missing_at_provider", -play.net)]


def _phantom(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = faults.phantom_part(play, fault)
    name = faults.phantom_id(play)
    return [_one(play, "missing_in_ledger", payout - stake, round_id=name)]


def _lost(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "missing_in_ledger", play.net, round_id=play.told_id)]


def _stake(play: Play, fault: Fault) -> list[Expected]:
    return [_one(play, "stake_mismatch", -faults.stake_by(play, fault))]


def _payout(play: Play, fault: Fault) -> list[Expected]:
    return [_one(play, "payout_mismatch", faults.payout_by(play, fault))]


def _apart(play: Play, told_net: int, player: str) -> list[Expected]:
    """Nothing ties both tellings: either side misses the other's."""
    theirs = _one(play, "missing_in_ledger", told_net, round_id=play.told_id, player=player)
    return [_one(play, "missing_at_provider", -play.net), theirs]


def _both(play: Play, fault: Fault) -> list[Expected]:
    if play.system is System.UNNAMED:
        more = faults.payout_by(play, fault) - faults.stake_by(play, fault)
        return _apart(play, play.net + more, play.player)
    return [*_stake(play, fault), *_payout(play, fault)]


def _player(play: Play, fault: Fault) -> list[Expected]:
    if play.system is System.UNNAMED:
        return _apart(play, play.net, fault.other)
    return [_one(play, "player_mismatch")]


def _currency(play: Play, _: Fault) -> list[Expected]:
    other = faults.other_currency(play)
    return [
        _one(play, "currency_mismatch", -play.net),
        _one(play, "currency_mismatch", play.net, currency=other),
    ]


def _arithmetic(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "arithmetic_error")]


def _taken_back(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "status_mismatch", -play.net)]


def _undo_untold(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "status_mismatch", play.net)]


def _twice(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = play.parts[0]
    extras = faults.times_told(fault) - 1
    return [_one(play, "duplicate_at_provider", extras * (payout - stake))]


def _wrong(play: Play, fault: Fault) -> tuple[list[Expected], int]:
    """A wrong amount, and what it changes of the line's net."""
    if play.system is System.SPORTSBOOK and not play.stake:
        return _payout(play, fault), faults.payout_by(play, fault)
    return _stake(play, fault), -faults.stake_by(play, fault)


def _twice_wrong(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = play.parts[0]
    wrong, more = _wrong(play, fault)
    extras = faults.times_told(fault) - 1
    return [*wrong, _one(play, "duplicate_at_provider", extras * (payout - stake + more))]


def _totals(play: Play, fault: Fault) -> list[Expected]:
    stake, payout = faults.declared_totals(play, fault)
    return [_one(play, "round_total_mismatch", payout - stake - play.net)]


def _overdue(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "open_round_overdue")]


def _of_unknown(kind: str) -> Callable[[Play, Fault], list[Expected]]:
    def found(play: Play, _: Fault) -> list[Expected]:
        return [_one(play, kind, round_id=faults.unknown_id(play))]

    return found


def _conflict(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "idempotency_conflict")]


def _unheard(play: Play, fault: Fault) -> list[Expected]:
    moved = -fault.by if fault.variant % 2 else fault.by
    return [_one(play, "delivery_missing", moved, round_id=faults.unknown_id(play))]


def _disputed(play: Play, _: Fault) -> list[Expected]:
    return [_one(play, "delivery_disputed")]


def _gap(play: Play, fault: Fault) -> list[Expected]:
    # Where no name ties, a balance is only evidence of who is who.
    if play.system is System.UNNAMED:
        return []
    return [_one(play, "balance_chain_gap", faults.off_by(fault))]


def _twins(play: Play, fault: Fault) -> list[Expected]:
    name, player = f"{play.round_id}a", faults.debtor(play)
    return [_one(play, "ambiguous_match", 700 - fault.by, round_id=name, player=player)]


def _returned(play: Play, fault: Fault) -> list[Expected]:
    name = f"{play.round_id}{'c' if fault.variant % 2 else 'a'}"
    player = faults.debtor(play)
    return [_one(play, "ambiguous_match", fault.by, round_id=name, player=player)]


def _below_zero(play: Play, fault: Fault) -> list[Expected]:
    left = 100 - 400 - fault.by
    name = f"{play.round_id}w"
    player = faults.debtor(play)
    return [_one(play, "negative_balance", left, round_id=name, player=player)]


def _unreadable(play: Play, _: Fault) -> list[Expected]:
    place = f"day{play.seed}:{play.number}"
    return [_one(play, "unparsable_record", round_id=place, player="", currency="XXX")]


def _restated(play: Play, fault: Fault) -> list[Expected]:
    more = faults.stake_by(play, fault)
    name = play.told_id
    return [_one(play, "restated_after_close", more, round_id=name, player="")]


def _restated_wrong(play: Play, fault: Fault) -> list[Expected]:
    return _wrong(play, fault)[0]


_RIPE = {"bet": BET_RIPE, "win": WIN_RIPE, "rollback": ROLLBACK_RIPE}


def _booked_as(play: Play) -> set[str]:
    """The kinds of operation that we booked a round by."""
    if play.system is System.AGENT or play.system is System.XIGS:
        return {"bet", "win"}
    if play.system is System.SPORTSBOOK:
        return {"bet"} if play.stake else {"win"}
    return {"bet", "win"} if play.payout else {"bet"}


def _told_as(play: Play) -> set[str]:
    """The kinds of operation that a line of it tells of."""
    told = {"bet": play.stake, "win": play.payout}
    return {kind for kind, amount in told.items() if amount}


def _once_ripe(play: Play, kinds: set[str], one: Expected) -> list[Expected]:
    """A break, once the round is older than every kind that it waits for."""
    age = max(_RIPE[kind] for kind in kinds)
    return [one] if play.began <= NOW - age else []


def _yet_untold(play: Play, _: Fault) -> list[Expected]:
    return _once_ripe(play, _booked_as(play), _one(play, "missing_at_provider", -play.net))


def _yet_unheard(play: Play, _: Fault) -> list[Expected]:
    return _once_ripe(play, _told_as(play), _one(play, "missing_in_ledger", play.net))


def _win_untold(play: Play, _: Fault) -> list[Expected]:
    return _once_ripe(play, {"win"}, _one(play, "payout_mismatch", -play.payout))


def _win_unheard(play: Play, _: Fault) -> list[Expected]:
    return _once_ripe(play, {"win"}, _one(play, "payout_mismatch", play.payout))


def _undo_yet_untold(play: Play, _: Fault) -> list[Expected]:
    return _once_ripe(play, {"rollback"}, _one(play, "status_mismatch", play.net))


def _wrong_while_young(play: Play, fault: Fault) -> list[Expected]:
    return [_one(play, "payout_mismatch", faults.wrong_while_young(fault))]


_PREDICTIONS: Mapping[Lie, Callable[[Play, Fault], list[Expected]]] = {
    Lie.DROPPED: _dropped,
    Lie.PHANTOM: _phantom,
    Lie.LOST: _lost,
    Lie.LOST_DRIFT: _lost,
    Lie.STAKE: _stake,
    Lie.PAYOUT: _payout,
    Lie.BOTH: _both,
    Lie.PLAYER: _player,
    Lie.CURRENCY: _currency,
    Lie.NET: _arithmetic,
    Lie.AFTER: _arithmetic,
    Lie.TAKEN_BACK: _taken_back,
    Lie.UNDO_UNTOLD: _undo_untold,
    Lie.TWICE: _twice,
    Lie.TWICE_WRONG: _twice_wrong,
    Lie.TOTALS: _totals,
    Lie.OVERDUE: _overdue,
    Lie.LATE: _of_unknown("late_original"),
    Lie.ORPHAN: _of_unknown("orphan_rollback"),
    Lie.CONFLICT: _conflict,
    Lie.UNHEARD: _unheard,
    Lie.DISPUTED: _disputed,
    Lie.BEFORE: _gap,
    Lie.DRIFT: _gap,
    Lie.TWINS: _twins,
    Lie.RETURNED: _returned,
    Lie.BELOW_ZERO: _below_zero,
    Lie.UNREADABLE: _unreadable,
    Lie.RESTATED: _restated,
    Lie.RESTATED_WRONG: _restated_wrong,
    Lie.YET_UNTOLD: _yet_untold,
    Lie.YET_UNHEARD: _yet_unheard,
    Lie.WIN_UNTOLD: _win_untold,
    Lie.WIN_UNHEARD: _win_unheard,
    Lie.UNDO_YET_UNTOLD: _undo_yet_untold,
    Lie.WRONG_WHILE_YOUNG: _wrong_while_young,
}
