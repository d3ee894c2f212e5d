"""The auditor's books, and how it writes a line."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from tests.harness.auditor.books import (
    AuditLine,
    AuditRound,
    AuditWallet,
    ExpectedReply,
    ProviderRules,
)
from tests.harness.auditor.situations import Situation
from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

#: The instant before the first fact.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class AuditMemory:
    """Every wallet, every line by its key, and every reply."""

    def __init__(
        self,
        rules: Mapping[str, ProviderRules],
        wallets: Iterable[AuditWallet],
        names: Mapping[tuple[str, str], str],
    ) -> None:
        """Start with empty chains.

        Args:
            rules: by provider slug.
            wallets: all wallets.
            names: the player for each (slug, handle).
        """
        self._rules = rules
        self._names = names
        self.wallets = {(wallet.player, wallet.currency): wallet for wallet in wallets}
        self.situations: Counter[Situation] = Counter()
        self._lines: dict[tuple[str, str], tuple[AuditWallet, AuditLine]] = {}
        self._contents: dict[tuple[str, str], object] = {}
        self._replies: dict[tuple[str, str], ExpectedReply] = {}
        self._rounds: dict[tuple[str, str], dict[tuple[str, str], AuditRound]] = {}
        self._now: datetime = LONG_AGO

    @property
    def chains(self) -> dict[tuple[str, str], list[AuditLine]]:
        """Every wallet's chain, by (player, currency)."""
        return {name: wallet.chain for name, wallet in self.wallets.items()}

    def _repeated(self, slug: str, key: str, content: object) -> ExpectedReply:
        if self._contents.get((slug, key)) != content:
            return self._refused(Situation.CHANGED_REPEAT, Verdict.CONFLICT)
        first = self._replies[slug, key]
        accepted = first.body_verdict is Verdict.ACCEPTED
        self._count(Situation.REPEAT if accepted else Situation.REPEATED_DECLINE)
        return replace(first, verdict=Verdict.REPEATED)

    def _store(
        self, slug: str, key: str, content: object, verdict: Verdict, wallet: AuditWallet
    ) -> ExpectedReply:
        keys = [(line.slug, line.key) for line in wallet.chain]
        seq = 1 + keys.index((slug, key))
        reply = ExpectedReply(
            verdict,
            verdict,
            seq if verdict is Verdict.ACCEPTED else None,
            Money(wallet.balance, wallet.currency),
            Money(wallet.turnover, wallet.currency),
        )
        self._contents[slug, key] = content
        self._replies[slug, key] = reply
        return reply

    def _move(
        self,
        wallet: AuditWallet,
        slug: str,
        key: str,
        kind: str,
        stake: int,
        payout: int,
        round_id: str,
        *,
        ends_round: bool = False,
        fund: Fund = Fund.CASH,
        reverses: AuditLine | None = None,
    ) -> AuditLine:
        """Write an accepted line of a round and move its amounts."""
        wallet.balance += payout - stake
        wallet.turnover += stake
        line = self._write(wallet, slug, key, kind, accepted=True, round_id=round_id)
        line.stake, line.payout, line.amount, line.fund = stake, payout, payout - stake, fund
        if kind != "adjustment" and (
            reverses is None or reverses.received_at.date() == wallet.day
        ):
            wallet.day_stake += stake
            wallet.day_payout += payout
        line.ends_round = ends_round or self._rules[slug].round_per_operation
        share = self._round(wallet, slug, round_id)
        share.ended = share.ended or line.ends_round
        return line

    def _write_tombstone(
        self, wallet: AuditWallet, slug: str, key: str, round_id: str
    ) -> AuditLine:
        return self._write(wallet, slug, key, "tombstone", accepted=True, round_id=round_id)

    def _write(
        self,
        wallet: AuditWallet,
        slug: str,
        key: str,
        kind: str,
        *,
        accepted: bool,
        round_id: str = "",
    ) -> AuditLine:
        if self._now.date() > wallet.day:
            # The business day never goes back, whatever a receiver's clock shows.
            wallet.day, wallet.day_stake, wallet.day_payout = self._now.date(), 0, 0
        line = AuditLine(
            slug,
            key,
            kind,
            accepted,
            0,
            0,
            wallet.balance,
            round_id,
            wallet.currency,
            self._now,
        )
        line.player = wallet.player
        wallet.chain.append(line)
        self._lines[slug, key] = (wallet, line)
        return line

    def _round(self, wallet: AuditWallet, slug: str, round_id: str) -> AuditRound:
        """This wallet's share of a round; other wallets may share its id."""
        shares = self._rounds.setdefault((slug, round_id), {})
        if (wallet.player, wallet.currency) not in shares and shares:
            players = {player for player, _ in shares}
            currencies = {currency for _, currency in shares}
            is_shared = bool(players - {wallet.player})
            self._count(Situation.SHARED_ROUND if is_shared else Situation.ROUND_IN_TWO)
            if currencies - {wallet.currency} and is_shared:
                self._count(Situation.SHARED_IN_TWO)
        return shares.setdefault((wallet.player, wallet.currency), AuditRound())

    def _count(self, situation: Situation) -> None:
        self.situations[situation] += 1

    def _refused(self, situation: Situation, verdict: Verdict) -> ExpectedReply:
        self._count(situation)
        return ExpectedReply(verdict, verdict)
