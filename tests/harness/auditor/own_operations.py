"""How the auditor books our own operations."""

from datetime import datetime

from tests.harness.auditor.books import OWN, AuditLimits, AuditWallet, ExpectedReply
from tests.harness.auditor.memory import AuditMemory
from tests.harness.auditor.situations import Situation
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict


class OwnOperationAuditor(AuditMemory):
    """Takes our own operations; their players are known."""

    def fund(
        self, player: str, money: Money, key: str, received_at: datetime, fund: Fund = Fund.CASH
    ) -> ExpectedReply:
        """Money from outside, or, if negative, to outside as far as the balance allows."""
        content = ("funding", player, money, fund)
        if (OWN, key) in self._lines:
            return self._repeated(OWN, key, content)
        self._now = received_at
        wallet = self.wallets[player, money.currency]
        enough = money.minor >= 0 or wallet.balance + money.minor >= 0
        moved = money.minor if enough else 0
        wallet.balance += moved
        line = self._write(wallet, OWN, key, "funding", accepted=enough)
        line.amount, line.fund = moved, fund
        direction = Situation.DEPOSIT if money.minor > 0 else Situation.WITHDRAWAL
        self._count(direction if enough else Situation.WITHDRAWAL_TOO_LARGE)
        verdict = Verdict.ACCEPTED if enough else Verdict.DECLINED_FUNDS
        return self._store(OWN, key, content, verdict, wallet)

    def block(
        self, player: str, currency: str, key: str, received_at: datetime, *, blocked: bool
    ) -> ExpectedReply:
        """Refuse the player's stakes from now on, or accept them again."""
        content = ("block", player, currency, blocked)
        if (OWN, key) in self._lines:
            return self._repeated(OWN, key, content)
        wallet = self.wallets[player, currency]
        wallet.blocked = blocked
        self._count(Situation.BLOCKED if blocked else Situation.UNBLOCKED)
        return self._write_state(wallet, "block", key, received_at, content)

    def exclude(
        self, player: str, currency: str, key: str, received_at: datetime, until: datetime
    ) -> ExpectedReply:
        """Refuse the player's stakes until an instant; a shorter one changes nothing."""
        content = ("exclude", player, currency, until)
        if (OWN, key) in self._lines:
            return self._repeated(OWN, key, content)
        wallet = self.wallets[player, currency]
        wallet.until = until if wallet.until is None else max(wallet.until, until)
        self._count(Situation.EXCLUDED)
        return self._write_state(wallet, "exclude", key, received_at, content)

    def limit(
        self, player: str, currency: str, key: str, received_at: datetime, limits: AuditLimits
    ) -> ExpectedReply:
        """Limit the player's stakes from now on."""
        content = ("limit", player, currency, limits)
        if (OWN, key) in self._lines:
            return self._repeated(OWN, key, content)
        wallet = self.wallets[player, currency]
        wallet.limits = limits
        self._count(Situation.LIMITED)
        return self._write_state(wallet, "limit", key, received_at, content)

    def adjust(
        self,
        slug: str,
        player: str,
        money: Money,
        key: str,
        received_at: datetime,
        fund: Fund,
        within: tuple[str, str] | None,
    ) -> ExpectedReply:
        """Correct a balance, also below zero; in a round as its last stake or payout.

        Args:
            slug: the provider of the round, or ours.
            within: (round id, "stake" or "payout"), or None.
        """
        content = ("adjust", player, money, fund, within)
        if (slug, key) in self._lines:
            return self._repeated(slug, key, content)
        self._now = received_at
        wallet = self.wallets[player, money.currency]
        if within is None:
            wallet.balance += money.minor
            line = self._write(wallet, slug, key, "adjustment", accepted=True)
            line.amount, line.fund = money.minor, fund
            self._count(Situation.ADJUSTMENT)
        else:
            round_id, side = within
            moved = (-money.minor, 0) if side == "stake" else (0, money.minor)
            self._move(
                wallet, slug, key, "adjustment", *moved, round_id, ends_round=True, fund=fund
            )
            self._count(Situation.ADJUSTMENT_OF_ROUND)
        return self._store(slug, key, content, Verdict.ACCEPTED, wallet)

    def _write_state(
        self, wallet: AuditWallet, kind: str, key: str, received_at: datetime, content: object
    ) -> ExpectedReply:
        self._now = received_at
        self._write(wallet, OWN, key, kind, accepted=True)
        return self._store(OWN, key, content, Verdict.ACCEPTED, wallet)
