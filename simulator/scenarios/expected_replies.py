"""How the receiver must reply: a second, plain implementation of the protocols' rules.

It decides one call at a time, in the order in which a player's calls are sent. It knows nothing
of batches, locks or tables, so it is an independent check of the receiver.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from simulator.protocol.messages import (
    Call,
    CallKind,
    Expectation,
    Player,
    ReplyKind,
    Side,
)


@dataclass(slots=True, kw_only=True)
class _Known:
    """One operation key that is taken, and by what."""

    call: Call
    expected: Expectation
    undone: bool


class ExpectedLedger:
    """The expected state of every wallet and of every operation key."""

    def __init__(self, players: tuple[Player, ...]) -> None:
        self._balances = {player.player: player.opening for player in players}
        self._known: dict[tuple[Side, str], _Known] = {}
        self._tombstones: set[tuple[Side, str]] = set()

    @property
    def balances(self) -> Mapping[str, int]:
        """Balance by player, in minor units, after every call decided so far."""
        return MappingProxyType(self._balances)

    def decide(self, call: Call) -> Expectation:
        """Decide one call and remember it."""
        if call.player is None:
            return _refused()
        key = call.key
        if key is None:
            return Expectation(
                seen=ReplyKind.BALANCE, balance=self._balances[call.player], repeated=False
            )
        earlier = self._known.get((call.side, key))
        if earlier is not None:
            return _again(earlier, call)
        return self._decide_new(call, call.player, (call.side, key))

    def stands(self, side: Side, key: str) -> bool:
        """Whether the operation was accepted and not undone since."""
        earlier = self._known.get((side, key))
        return (
            earlier is not None
            and earlier.expected.seen is ReplyKind.SUCCESS
            and not earlier.undone
        )

    def _decide_new(self, call: Call, player: str, at: tuple[Side, str]) -> Expectation:
        if at in self._tombstones:
            return _refused()
        if call.kind is CallKind.WIN and not self._may_win(call):
            return _refused()
        if call.kind in _TAKING and call.amount > 0 and self._balances[player] < call.amount:
            seen = ReplyKind.DECLINED
        else:
            self._balances[player] += self._effect(call)
            seen = ReplyKind.SUCCESS
        balance = self._balances[player] if seen is ReplyKind.SUCCESS else None
        expected = Expectation(seen=seen, balance=balance, repeated=False)
        self._known[at] = _Known(call=call, expected=expected, undone=False)
        return expected

    def _may_win(self, call: Call) -> bool:
        if not call.side.wins_name_bets:
            return True  # any win is owed
        if call.side.shares_rounds:
            return self.stands(call.side, call.original)
        bet = replace(call, kind=CallKind.BET).key
        return bet is not None and self.stands(call.side, bet)

    def _effect(self, call: Call) -> int:
        match call.kind:
            case CallKind.BET:
                return -call.amount
            case CallKind.WIN:
                return call.amount
            case CallKind.BET_AND_WIN:
                return call.payout - call.amount
            case CallKind.ROLLBACK:
                return self._undo(call)
            case CallKind.ROUND_END | CallKind.BALANCE:
                return 0

    def _undo(self, call: Call) -> int:
        original = self._known.get((call.side, call.original))
        if original is None:
            self._tombstones.add((call.side, call.original))
            return 0
        if original.undone or original.expected.seen is not ReplyKind.SUCCESS:
            return 0
        original.undone = True
        # Direction and amount come from the original, never from the request.
        return -self._effect(original.call)


#: What is refused to a player who has less.
_TAKING = frozenset({CallKind.BET, CallKind.BET_AND_WIN})


def _again(earlier: _Known, call: Call) -> Expectation:
    if earlier.call != call:
        return Expectation(seen=ReplyKind.CONFLICT, balance=None, repeated=False)
    return Expectation(
        seen=earlier.expected.seen, balance=earlier.expected.balance, repeated=True
    )


def _refused() -> Expectation:
    return Expectation(seen=ReplyKind.REFUSED, balance=None, repeated=False)
