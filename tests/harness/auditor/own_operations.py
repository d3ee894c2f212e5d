"""What the auditor writes when we ourselves ask something of a wallet."""

from datetime import datetime

from tests.harness.auditor.books import OURS, Limits, Purse, Reply
from tests.harness.auditor.memory import Memory
from tests.harness.auditor.situations import Situation as Saw
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict


class Clerk(Memory):
    """Hears our own orders; the players are known."""

    def fund(
        self, player: str, money: Money, key: str, at: datetime, fund: Fund = Fund.CASH
    ) -> Reply:
        """Money from outside, or to outside when negative: then only if it is there."""
        content = ("funding", player, money, fund)
        if (OURS, key) in self._lines:
            return self._repeated(OURS, key, content)
        self._now = at
        purse = self.purses[player, money.currency]
        enough = money.minor >= 0 or purse.balance + money.minor >= 0
        moved = money.minor if enough else 0
        purse.balance += moved
        line = self._write(purse, OURS, key, "funding", stands=enough)
        line.moved, line.fund = moved, fund
        came = Saw.DEPOSIT if money.minor > 0 else Saw.WITHDRAWAL
        self._see(came if enough else Saw.WITHDRAWAL_TOO_LARGE)
        verdict = Verdict.ACCEPTED if enough else Verdict.DECLINED_FUNDS
        return self._keep(OURS, key, content, verdict, purse)

    def block(
        self, player: str, currency: str, key: str, at: datetime, *, blocked: bool
    ) -> Reply:
        """Refuse the player's stakes from now on, or take them again."""
        content = ("block", player, currency, blocked)
        if (OURS, key) in self._lines:
            return self._repeated(OURS, key, content)
        purse = self.purses[player, currency]
        purse.blocked = blocked
        self._see(Saw.BLOCKED if blocked else Saw.UNBLOCKED)
        return self._noted(purse, "block", key, at, content)

    def exclude(
        self, player: str, currency: str, key: str, at: datetime, until: datetime
    ) -> Reply:
        """Refuse the player's stakes until an instant; a shorter one changes nothing."""
        content = ("exclude", player, currency, until)
        if (OURS, key) in self._lines:
            return self._repeated(OURS, key, content)
        purse = self.purses[player, currency]
        purse.until = until if purse.until is None else max(purse.until, until)
        self._see(Saw.EXCLUDED)
        return self._noted(purse, "exclude", key, at, content)

    def limit(
        self, player: str, currency: str, key: str, at: datetime, limits: Limits
    ) -> Reply:
        """Hold the player's stakes to limits from now on."""
        content = ("limit", player, currency, limits)
        if (OURS, key) in self._lines:
            return self._repeated(OURS, key, content)
        purse = self.purses[player, currency]
        purse.limits = limits
        self._see(Saw.LIMITED)
        return self._noted(purse, "limit", key, at, content)

    def adjust(
        self,
        slug: str,
        player: str,
        money: Money,
        key: str,
        at: datetime,
        fund: Fund,
        within: tuple[str, str] | None,
    ) -> Reply:
        """Correct a balance, also below zero; within a round as its last stake or payout.

        Args:
            slug: the provider of the round, or ours.
            within: (round id, "stake" or "payout"), or None.
        """
        content = ("adjust", player, money, fund, within)
        if (slug, key) in self._lines:
            return self._repeated(slug, key, content)
        self._now = at
        purse = self.purses[player, money.currency]
        if within is None:
            purse.balance += money.minor
            line = self._write(purse, slug, key, "adjustment", stands=True)
            line.moved, line.fund = money.minor, fund
            self._see(Saw.ADJUSTMENT)
        else:
            round_id, side = within
            moved = (-money.minor, 0) if side == "stake" else (0, money.minor)
            self._move(purse, slug, key, "adjustment", *moved, round_id, ends=True, fund=fund)
            self._see(Saw.ADJUSTMENT_OF_ROUND)
        return self._keep(slug, key, content, Verdict.ACCEPTED, purse)

    def _noted(self, purse: Purse, what: str, key: str, at: datetime, content: object) -> Reply:
        self._now = at
        self._write(purse, OURS, key, what, stands=True)
        return self._keep(OURS, key, content, Verdict.ACCEPTED, purse)
