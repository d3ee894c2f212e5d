"""One player's place in a run: where its calls come from. Pure; every choice is the seed's."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from random import Random

from simulator.protocol.messages import Call, CallKind, Expectation, Player, Side

#: Stakes stay small against typical openings, so that most bets can be paid.
STAKE_MINOR_MAX = 2_000
#: A win pays up to this many quarters of its stake.
WIN_QUARTERS_MAX = 12
#: Percent of rollbacks without an id of their own, where that may be.
NAMELESS_PERCENT = 20

#: A story yields calls and is sent the expected reply to each.
StoryScript = Generator[Call, Expectation, None]


@dataclass(slots=True, kw_only=True)
class IdMint:
    """Mints the provider's ids of one run; the seed is part of each."""

    seed: int
    minted: int = 0

    def reference(self, side: Side) -> str:
        """A fresh bet id or transaction id."""
        self.minted += 1
        return f"s{self.seed}-{side.id_letter}{self.minted:08d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerSession:
    """One player with the run's dice, ids and expected balances.

    Attributes:
        balances: by player, as of the last reply, in minor units.
    """

    rng: Random
    mint: IdMint
    balances: Mapping[str, int]
    player: Player

    def chance(self, percent: int) -> bool:
        """True in ``percent`` of 100 throws."""
        return self.rng.randrange(100) < percent

    def balance(self, side: Side) -> Call:
        """A balance query of a side that asks."""
        return plain_call(self.player, side, CallKind.BALANCE, "", 0)

    def bet(self, side: Side) -> Call:
        """A bet with a fresh id, at most what the player has while there is anything."""
        available = self.balances[self.player.player]
        limit = min(available, STAKE_MINOR_MAX) if available > 0 else STAKE_MINOR_MAX
        return self._fresh(side, self.rng.randint(1, limit))

    def overdrawn(self, side: Side) -> Call:
        """A bet larger than the balance; where its win comes with it, a larger win."""
        available = max(0, self.balances[self.player.player])
        bet = self._fresh(side, available + self.rng.randint(1, STAKE_MINOR_MAX))
        return replace(bet, payout=2 * bet.amount) if bet.kind is CallKind.BET_AND_WIN else bet

    def free_spin(self, side: Side) -> Call:
        """A win that costs nothing, in the form of a bet with its win."""
        won = self.rng.randint(1, STAKE_MINOR_MAX)
        return replace(self._fresh(side, 0), payout=won)

    def unknown(self, side: Side) -> Call:
        """A bet of somebody who was never imported."""
        return self.by_stranger(self.bet(side))

    def by_stranger(self, call: Call) -> Call:
        """The same call about somebody who was never imported."""
        return replace(call, player=None, handle=f"s{self.mint.seed}-nobody")

    def win(self, bet: Call) -> Call:
        """What the bet pays: about half the time nothing, else a few quarters of the stake.

        A win that names its bet carries its id, unless it shares a round with it; any other has
        its own, and pays something.
        """
        amount = self._won(bet.amount)
        if bet.side.shares_rounds:
            own = self.mint.reference(bet.side)
            win = replace(bet, kind=CallKind.WIN, reference=own, original=bet.reference)
            return replace(win, amount=amount)
        if not bet.side.wins_name_bets:
            return self._call(
                bet.side, CallKind.WIN, self.mint.reference(bet.side), max(1, amount)
            )
        stake = bet.amount if bet.side.wins_repeat_stake else 0
        return replace(bet, kind=CallKind.WIN, amount=amount, stake=stake)

    def round_end(self, bet: Call, payout: int) -> Call:
        """The end of a round, with both totals."""
        return replace(bet, kind=CallKind.ROUND_END, payout=payout)

    def rollback(self, original: Call) -> Call:
        """One transaction taken back, under a fresh id or, where that may be, under none."""
        if original.side.rollbacks_may_lack_ids and self.chance(NAMELESS_PERCENT):
            reference = nameless(original.reference)
        else:
            reference = self.mint.reference(original.side)
        undo = self._call(original.side, CallKind.ROLLBACK, reference, original.amount)
        undo = replace(undo, payout=original.payout, original=original.reference)
        return replace(undo, round=original.round)

    def changed(self, call: Call) -> Call:
        """The same call with other content: another amount, or another original."""
        if call.kind is CallKind.ROLLBACK and not call.side.rollbacks_name_amounts:
            return replace(call, original=f"{call.original}-X")
        more = self.rng.randint(1, 500)
        if call.kind is CallKind.BET_AND_WIN and self.chance(50):
            return replace(call, payout=call.payout + more)
        return replace(call, amount=call.amount + more)

    def _fresh(self, side: Side, amount: int) -> Call:
        reference = self.mint.reference(side)
        if not side.bets_carry_wins:
            bet = self._call(side, CallKind.BET, reference, amount)
            return replace(bet, round=round_of(bet)) if side.shares_rounds else bet
        with_win = self._call(side, CallKind.BET_AND_WIN, reference, amount)
        return replace(with_win, payout=self._won(amount))

    def _won(self, stake: int) -> int:
        quarters = self.rng.randint(1, WIN_QUARTERS_MAX) if self.chance(45) else 0
        return stake * quarters // 4

    def _call(self, side: Side, kind: CallKind, reference: str, amount: int) -> Call:
        return plain_call(self.player, side, kind, reference, amount)


#: What a player does on one side.
Story = Callable[[PlayerSession, Side], StoryScript]


def plain_call(player: Player, side: Side, kind: CallKind, reference: str, amount: int) -> Call:
    """A call of a known player without stake, payout or original; ``amount`` in minor units."""
    return Call(
        side=side,
        kind=kind,
        player=player.player,
        handle=player.handles[side],
        currency=player.currency,
        reference=reference,
        amount=amount,
        stake=0,
        payout=0,
        original="",
    )


def round_of(bet: Call) -> str:
    """The round that a bet opens, where transactions share one."""
    return f"{bet.reference}-R"


def nameless(original: str) -> str:
    """What we call a rollback that came without an id of its own."""
    return f"rollback:{original}"
