"""An independent model of the ledger: plain dictionaries that predict the books.

It imports the vocabulary and nothing of the ledger. It takes facts one after another, predicts
the reply to each, and keeps every wallet's chain. It is written from the decision table, slowly
and obviously: where it and the ledger differ, one of them is wrong.
"""

from datetime import datetime

from msgspec.structs import replace

from tests.harness.auditor.books import (
    LATE_SUFFIX,
    AuditLine,
    AuditRound,
    AuditWallet,
    ExpectedReply,
)
from tests.harness.auditor.own_operations import OwnOperationAuditor
from tests.harness.auditor.situations import Situation
from vocabulary.facts import (
    BalanceQuery,
    Bet,
    BetAndWin,
    Fact,
    Fund,
    HistoryRecord,
    Operation,
    Rollback,
    RoundEnd,
    UnreadableHistory,
    Win,
    fingerprint,
)
from vocabulary.money import Money
from vocabulary.outcomes import Verdict


class Auditor(OwnOperationAuditor):
    """Takes all facts in order and keeps its own books."""

    def predict(self, slug: str, fact: Fact | None, received_at: datetime) -> ExpectedReply:
        """The reply that a fact must get, given all facts before it."""
        self._now = received_at
        if fact is None:
            return self._refused(Situation.MALFORMED, Verdict.MALFORMED)
        if isinstance(fact, HistoryRecord | UnreadableHistory):
            return self._refused(Situation.HISTORY, Verdict.RECORDED)
        if isinstance(fact, BalanceQuery):
            return self._balance(slug, fact)
        fact = self._with_late_key(slug, fact)
        if (slug, fact.key) in self._lines:
            return self._known_key(slug, fact)
        wallet = self._wallet(slug, fact.handle, _currency(fact))
        if isinstance(wallet, ExpectedReply):
            return wallet
        if isinstance(fact, RoundEnd) and fact.implied:
            self._imply(slug, fact, wallet)
        length = len(wallet.chain)
        verdict = self._decide(slug, fact, wallet)
        if len(wallet.chain) == length:
            return ExpectedReply(verdict, verdict)
        return self._store(slug, fact.key, fingerprint(fact), verdict, wallet)

    def _with_late_key(self, slug: str, fact: Operation) -> Operation:
        """A rollback or round end after its own rollback is booked beside the tombstone."""
        _, line = self._lines.get((slug, fact.key), (None, None))
        if line is None or line.kind != "tombstone" or isinstance(fact, Bet | BetAndWin | Win):
            return fact
        if (slug, fact.key + LATE_SUFFIX) not in self._lines:
            is_rollback = isinstance(fact, Rollback)
            self._count(
                Situation.ROLLBACK_OF_ROLLBACK_FIRST
                if is_rollback
                else Situation.ROLLBACK_OF_END_FIRST
            )
        return replace(fact, key=fact.key + LATE_SUFFIX)

    def _known_key(self, slug: str, fact: Operation) -> ExpectedReply:
        _, line = self._lines[slug, fact.key]
        if line.kind == "tombstone":
            return self._refused(Situation.LATE_ORIGINAL, Verdict.ROLLED_BACK)
        return self._repeated(slug, fact.key, fingerprint(fact))

    # --- wallets ---------------------------------------------------------------------------

    def _wallet(self, slug: str, handle: str, currency: str) -> AuditWallet | ExpectedReply:
        player = self._names.get((slug, handle))
        if player is None:
            return self._refused(Situation.UNKNOWN_PLAYER, Verdict.PLAYER_UNKNOWN)
        if (player, currency) not in self.wallets:
            return self._refused(Situation.WRONG_CURRENCY, Verdict.CURRENCY_WRONG)
        return self.wallets[player, currency]

    def _balance(self, slug: str, fact: BalanceQuery) -> ExpectedReply:
        wallet = self._wallet(slug, fact.handle, fact.currency)
        if isinstance(wallet, ExpectedReply):
            return wallet
        self._count(Situation.BALANCE_ASKED)
        amounts = (
            Money(wallet.balance, wallet.currency),
            Money(wallet.turnover, wallet.currency),
        )
        return ExpectedReply(Verdict.BALANCE, Verdict.BALANCE, None, *amounts)

    # --- the decision table ----------------------------------------------------------------

    def _decide(self, slug: str, fact: Operation, wallet: AuditWallet) -> Verdict:
        match fact:
            case Bet():
                return self._stake(slug, fact, wallet, fact.amount.minor, 0)
            case BetAndWin():
                return self._stake(slug, fact, wallet, fact.bet.minor, fact.win.minor)
            case Win():
                return self._win(slug, fact, wallet)
            case Rollback():
                return self._rollback(slug, fact, wallet)
            case RoundEnd():
                return self._round_end(slug, fact, wallet)

    def _stake(
        self, slug: str, fact: Bet | BetAndWin, wallet: AuditWallet, stake: int, payout: int
    ) -> Verdict:
        kind = "bet" if isinstance(fact, Bet) else "bet_and_win"
        refusal = self._stake_refusal(wallet, stake, payout)
        if refusal is not None:
            self._write(wallet, slug, fact.key, kind, accepted=False, round_id=fact.round_id)
            return refusal
        self._count(Situation.BET if kind == "bet" else Situation.BET_AND_WIN)
        if self._round(wallet, slug, fact.round_id).ended:
            self._count(Situation.BET_IN_ENDED_ROUND)
        if fact.fund is not Fund.CASH:
            self._count(Situation.BET_OF_FUND)
        money = (stake, payout, fact.round_id)
        self._move(
            wallet, slug, fact.key, kind, *money, ends_round=fact.ends_round, fund=fact.fund
        )
        return Verdict.ACCEPTED

    def _stake_refusal(self, wallet: AuditWallet, stake: int, payout: int) -> Verdict | None:
        if stake <= 0:
            return None
        if wallet.blocked:
            self._count(Situation.BET_OF_BLOCKED)
            return Verdict.DECLINED_BLOCKED
        if wallet.until is not None and self._now < wallet.until:
            self._count(Situation.BET_OF_EXCLUDED)
            return Verdict.DECLINED_BLOCKED
        if stake > wallet.balance:
            covered = stake <= wallet.balance + payout
            self._count(
                Situation.BET_COVERED_BY_ITS_WIN_ONLY
                if covered
                else Situation.BET_WITHOUT_FUNDS
            )
            return Verdict.DECLINED_FUNDS
        return self._limit_refusal(wallet, stake)

    def _limit_refusal(self, wallet: AuditWallet, stake: int) -> Verdict | None:
        """Limits apply per business day: stakes of an earlier day do not count."""
        is_new_day = self._now.date() > wallet.day
        staked = stake + (0 if is_new_day else wallet.day_stake)
        lost = staked - (0 if is_new_day else wallet.day_payout)
        limits = wallet.limits
        for limit, amount, situation in (
            (limits.stake, stake, Situation.BET_BEYOND_STAKE_LIMIT),
            (limits.turnover, staked, Situation.BET_BEYOND_TURNOVER_LIMIT),
            (limits.loss, lost, Situation.BET_BEYOND_LOSS_LIMIT),
        ):
            if limit is not None and amount > limit:
                self._count(situation)
                return Verdict.DECLINED_BLOCKED
        return None

    def _win(self, slug: str, fact: Win, wallet: AuditWallet) -> Verdict:
        if fact.bet_key is not None:
            refusal = self._win_refusal(slug, fact.bet_key, wallet)
            if refusal is not None:
                return refusal
        self._count_win(self._round(wallet, slug, fact.round_id), wallet)
        if fact.fund is not Fund.CASH:
            self._count(Situation.WIN_OF_FUND)
        money = (0, fact.amount.minor, fact.round_id)
        self._move(
            wallet, slug, fact.key, "win", *money, ends_round=fact.ends_round, fund=fact.fund
        )
        return Verdict.ACCEPTED

    def _win_refusal(self, slug: str, bet_key: str, wallet: AuditWallet) -> Verdict | None:
        owner, bet = self._lines.get((slug, bet_key), (None, None))
        never_received = bet is None or (bet.closed and not bet.reversed)
        if bet is None or never_received or not bet.accepted:
            if bet is not None and bet.closed:
                self._count(Situation.WIN_AFTER_END_WITHOUT_BET)
            if self._rules[slug].pays_orphan_wins:
                self._count(Situation.ORPHAN_WIN_PAID)
                return None
            self._count(Situation.ORPHAN_WIN_REFUSED)
            return Verdict.BET_UNKNOWN
        if owner is not wallet:
            self._count(Situation.ANOTHERS_BET)
            return Verdict.CONFLICT
        if bet.reversed or bet.kind == "tombstone":
            self._count(Situation.WIN_AFTER_ROLLBACK)
            return Verdict.ROLLED_BACK
        return None

    def _count_win(self, share: AuditRound, wallet: AuditWallet) -> None:
        self._count(Situation.WIN)
        share.wins += 1
        if share.wins > 1:
            self._count(Situation.SEVERAL_WINS)
        if share.ended:
            self._count(Situation.LATE_WIN)
        if wallet.blocked:
            self._count(Situation.WIN_OF_BLOCKED)

    def _rollback(self, slug: str, fact: Rollback, wallet: AuditWallet) -> Verdict:
        owner, original = self._lines.get((slug, fact.original_key), (None, None))
        if original is None:
            self._count(Situation.ROLLBACK_FIRST)
            self._move(wallet, slug, fact.key, "rollback", 0, 0, fact.round_id)
            self._write_tombstone(wallet, slug, fact.original_key, fact.round_id)
            return Verdict.ACCEPTED
        if owner is not wallet:
            self._count(Situation.ANOTHERS_ORIGINAL)
            return Verdict.CONFLICT
        if original.kind in {"rollback", "round_end"}:
            return self._irreversible(slug, fact, wallet)
        back = (0, 0) if original.reversed else (-original.stake, -original.payout)
        self._count_rollback(fact, original, wallet, back)
        original.reversed = original.accepted
        fund = original.fund if any(back) or original.accepted else Fund.CASH
        money = (*back, original.round_id)
        self._move(wallet, slug, fact.key, "rollback", *money, fund=fund, reverses=original)
        return Verdict.ACCEPTED

    def _irreversible(self, slug: str, fact: Rollback, wallet: AuditWallet) -> Verdict:
        if not self._rules[slug].accepts_rollback_of_rollback:
            self._count(Situation.ROLLBACK_OF_ROLLBACK_REFUSED)
            return Verdict.IRREVERSIBLE
        self._count(Situation.ROLLBACK_OF_ROLLBACK_TAKEN)
        self._move(wallet, slug, fact.key, "rollback", 0, 0, fact.round_id)
        return Verdict.ACCEPTED

    def _count_rollback(
        self, fact: Rollback, original: AuditLine, wallet: AuditWallet, back: tuple[int, int]
    ) -> None:
        if original.kind == "tombstone":
            self._count(Situation.ROLLBACK_OF_TOMBSTONE)
        elif not original.accepted:
            self._count(Situation.ROLLBACK_OF_DECLINED)
        elif original.reversed:
            self._count(Situation.SECOND_ROLLBACK)
        else:
            self._count(
                Situation.ROLLBACK_OF_WIN
                if original.kind == "win"
                else Situation.ROLLBACK_OF_BET
            )
            if fact.amount is not None and fact.amount.minor not in {-back[0], -back[1]}:
                self._count(Situation.ROLLBACK_CLAIMS_OTHER_AMOUNT)
            if wallet.balance + back[1] - back[0] < 0:
                self._count(Situation.DEBT)

    def _imply(self, slug: str, end: RoundEnd, wallet: AuditWallet) -> None:
        """Book the unknown operations that the end implies, unless the end is refused."""
        owner, bet = self._lines.get((slug, end.bet_key), (None, None))
        if bet is not None and owner is not wallet:
            return
        missing = [fact for fact in end.implied if (slug, fact.key) not in self._lines]
        self._count(Situation.END_IMPLIES if missing else Situation.END_IMPLIES_KNOWN)
        for fact in missing:
            self.predict(slug, fact, self._now)

    def _round_end(self, slug: str, fact: RoundEnd, wallet: AuditWallet) -> Verdict:
        owner, bet = self._lines.get((slug, fact.bet_key), (None, None))
        if bet is not None and owner is not wallet:
            self._count(Situation.ANOTHERS_ROUND)
            return Verdict.CONFLICT
        self._count(Situation.END_WITHOUT_BET if bet is None else Situation.END)
        if bet is not None and bet.stake != fact.stake.minor:
            self._count(Situation.END_DECLARES_OTHER_STAKE)
        self._move(wallet, slug, fact.key, "round_end", 0, 0, fact.round_id, ends_round=True)
        if bet is None:
            self._write_tombstone(wallet, slug, fact.bet_key, fact.round_id).closed = True
        return Verdict.ACCEPTED


def _currency(fact: Operation) -> str:
    match fact:
        case Bet() | Win():
            return fact.amount.currency
        case BetAndWin():
            return fact.bet.currency
        case RoundEnd():
            return fact.stake.currency
        case Rollback():
            return fact.currency
