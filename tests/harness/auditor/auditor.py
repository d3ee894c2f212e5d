"""A second opinion on the ledger: plain dictionaries that predict what the books must say.

It knows the vocabulary and nothing of the ledger. It hears what happens one after another and
says the reply each must get; afterwards it tells every wallet's chain. It is written from the
decision table, slowly and obviously: where it and the ledger differ, one of them is wrong.
"""

from dataclasses import replace
from datetime import datetime

from tests.harness.auditor.books import BESIDE, Line, Purse, Reply, Round
from tests.harness.auditor.own_operations import Clerk
from tests.harness.auditor.situations import Situation as Saw
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
    Win,
    fingerprint,
)
from vocabulary.money import Money
from vocabulary.outcomes import Verdict


class Auditor(Clerk):
    """Hears everything in order and keeps its own books."""

    def hear(self, slug: str, fact: Fact | None, at: datetime) -> Reply:
        """The reply one fact must get, given all that was heard before."""
        self._now = at
        if fact is None:
            return self._refused(Saw.MALFORMED, Verdict.MALFORMED)
        if isinstance(fact, HistoryRecord):
            return self._refused(Saw.HISTORY, Verdict.RECORDED)
        if isinstance(fact, BalanceQuery):
            return self._asked(slug, fact)
        fact = self._beside(slug, fact)
        if (slug, fact.key) in self._lines:
            return self._again(slug, fact)
        purse = self._purse(slug, fact.handle, _currency(fact))
        if isinstance(purse, Reply):
            return purse
        if isinstance(fact, RoundEnd) and fact.implied:
            self._imply(slug, fact, purse)
        places = len(purse.chain)
        verdict = self._judge(slug, fact, purse)
        if len(purse.chain) == places:
            return Reply(verdict, verdict)
        return self._keep(slug, fact.key, fingerprint(fact), verdict, purse)

    def _beside(self, slug: str, fact: Operation) -> Operation:
        """A rollback and an end cannot be undone: that one was tried before them is nothing."""
        _, line = self._lines.get((slug, fact.key), (None, None))
        if line is None or line.what != "tombstone" or isinstance(fact, Bet | BetAndWin | Win):
            return fact
        if (slug, fact.key + BESIDE) not in self._lines:
            tried = isinstance(fact, Rollback)
            self._see(Saw.ROLLBACK_OF_ROLLBACK_FIRST if tried else Saw.ROLLBACK_OF_END_FIRST)
        return replace(fact, key=fact.key + BESIDE)

    def _again(self, slug: str, fact: Operation) -> Reply:
        _, line = self._lines[slug, fact.key]
        if line.what == "tombstone":
            return self._refused(Saw.LATE_ORIGINAL, Verdict.ROLLED_BACK)
        return self._repeated(slug, fact.key, fingerprint(fact))

    # --- who is meant ----------------------------------------------------------------------

    def _purse(self, slug: str, handle: str, currency: str) -> Purse | Reply:
        player = self._names.get((slug, handle))
        if player is None:
            return self._refused(Saw.UNKNOWN_PLAYER, Verdict.PLAYER_UNKNOWN)
        if (player, currency) not in self.purses:
            return self._refused(Saw.WRONG_CURRENCY, Verdict.CURRENCY_WRONG)
        return self.purses[player, currency]

    def _asked(self, slug: str, fact: BalanceQuery) -> Reply:
        purse = self._purse(slug, fact.handle, fact.currency)
        if isinstance(purse, Reply):
            return purse
        self._see(Saw.BALANCE_ASKED)
        told = Money(purse.balance, purse.currency), Money(purse.turnover, purse.currency)
        return Reply(Verdict.BALANCE, Verdict.BALANCE, None, *told)

    # --- the decision table ----------------------------------------------------------------

    def _judge(self, slug: str, fact: Operation, purse: Purse) -> Verdict:
        match fact:
            case Bet():
                return self._staked(slug, fact, purse, fact.amount.minor, 0)
            case BetAndWin():
                return self._staked(slug, fact, purse, fact.bet.minor, fact.win.minor)
            case Win():
                return self._won(slug, fact, purse)
            case Rollback():
                return self._rolled_back(slug, fact, purse)
            case RoundEnd():
                return self._ended(slug, fact, purse)

    def _staked(
        self, slug: str, fact: Bet | BetAndWin, purse: Purse, stake: int, payout: int
    ) -> Verdict:
        what = "bet" if isinstance(fact, Bet) else "both"
        refused = self._unstakeable(purse, stake, payout)
        if refused is not None:
            self._write(purse, slug, fact.key, what, stands=False, round_id=fact.round_id)
            return refused
        self._see(Saw.BET if what == "bet" else Saw.BET_AND_WIN)
        if self._round(purse, slug, fact.round_id).ended:
            self._see(Saw.BET_IN_ENDED_ROUND)
        if fact.fund is not Fund.CASH:
            self._see(Saw.BET_OF_FUND)
        ends = isinstance(fact, BetAndWin) and fact.ends_round
        money = (stake, payout, fact.round_id)
        self._move(purse, slug, fact.key, what, *money, ends=ends, fund=fact.fund)
        return Verdict.ACCEPTED

    def _unstakeable(self, purse: Purse, stake: int, payout: int) -> Verdict | None:
        if stake <= 0:
            return None
        if purse.blocked:
            self._see(Saw.BET_OF_BLOCKED)
            return Verdict.DECLINED_BLOCKED
        if purse.until is not None and self._now < purse.until:
            self._see(Saw.BET_OF_EXCLUDED)
            return Verdict.DECLINED_BLOCKED
        if stake > purse.balance:
            covered = stake <= purse.balance + payout
            self._see(Saw.BET_COVERED_BY_ITS_WIN_ONLY if covered else Saw.BET_WITHOUT_FUNDS)
            return Verdict.DECLINED_FUNDS
        return self._beyond_limits(purse, stake)

    def _beyond_limits(self, purse: Purse, stake: int) -> Verdict | None:
        """Limits are of the business day: what was staked on an earlier one is forgotten."""
        is_new_day = self._now.date() > purse.day
        staked = stake + (0 if is_new_day else purse.day_stake)
        lost = staked - (0 if is_new_day else purse.day_payout)
        limits = purse.limits
        for most, figure, situation in (
            (limits.stake, stake, Saw.BET_BEYOND_STAKE_LIMIT),
            (limits.turnover, staked, Saw.BET_BEYOND_TURNOVER_LIMIT),
            (limits.loss, lost, Saw.BET_BEYOND_LOSS_LIMIT),
        ):
            if most is not None and figure > most:
                self._see(situation)
                return Verdict.DECLINED_BLOCKED
        return None

    def _won(self, slug: str, fact: Win, purse: Purse) -> Verdict:
        if fact.bet_key is not None:
            refused = self._unpayable(slug, fact.bet_key, purse)
            if refused is not None:
                return refused
        self._see_win(self._round(purse, slug, fact.round_id), purse)
        if fact.fund is not Fund.CASH:
            self._see(Saw.WIN_OF_FUND)
        money = (0, fact.amount.minor, fact.round_id)
        self._move(purse, slug, fact.key, "win", *money, ends=fact.ends_round, fund=fact.fund)
        return Verdict.ACCEPTED

    def _unpayable(self, slug: str, bet_key: str, purse: Purse) -> Verdict | None:
        owner, bet = self._lines.get((slug, bet_key), (None, None))
        never_came = bet is None or (bet.only_ended and not bet.undone)
        if bet is None or never_came or not bet.stands:
            if bet is not None and bet.only_ended:
                self._see(Saw.WIN_AFTER_END_WITHOUT_BET)
            if self._rules[slug].pays_orphans:
                self._see(Saw.ORPHAN_WIN_PAID)
                return None
            self._see(Saw.ORPHAN_WIN_REFUSED)
            return Verdict.BET_UNKNOWN
        if owner is not purse:
            self._see(Saw.ANOTHERS_BET)
            return Verdict.CONFLICT
        if bet.undone or bet.what == "tombstone":
            self._see(Saw.WIN_AFTER_ROLLBACK)
            return Verdict.ROLLED_BACK
        return None

    def _see_win(self, told: Round, purse: Purse) -> None:
        self._see(Saw.WIN)
        told.wins += 1
        if told.wins > 1:
            self._see(Saw.SEVERAL_WINS)
        if told.ended:
            self._see(Saw.LATE_WIN)
        if purse.blocked:
            self._see(Saw.WIN_OF_BLOCKED)

    def _rolled_back(self, slug: str, fact: Rollback, purse: Purse) -> Verdict:
        owner, original = self._lines.get((slug, fact.original_key), (None, None))
        if original is None:
            self._see(Saw.ROLLBACK_FIRST)
            self._move(purse, slug, fact.key, "rollback", 0, 0, fact.round_id)
            self._bury(purse, slug, fact.original_key, fact.round_id)
            return Verdict.ACCEPTED
        if owner is not purse:
            self._see(Saw.ANOTHERS_ORIGINAL)
            return Verdict.CONFLICT
        if original.what in {"rollback", "end"}:
            return self._irreversible(slug, fact, purse)
        back = (0, 0) if original.undone else (-original.stake, -original.payout)
        self._see_rollback(fact, original, purse, back)
        original.undone = original.stands
        fund = original.fund if any(back) or original.stands else Fund.CASH
        money = (*back, original.round_id)
        self._move(purse, slug, fact.key, "rollback", *money, fund=fund, undoes=original)
        return Verdict.ACCEPTED

    def _irreversible(self, slug: str, fact: Rollback, purse: Purse) -> Verdict:
        if not self._rules[slug].lets_rollbacks_be_rolled_back:
            self._see(Saw.ROLLBACK_OF_ROLLBACK_REFUSED)
            return Verdict.IRREVERSIBLE
        self._see(Saw.ROLLBACK_OF_ROLLBACK_TAKEN)
        self._move(purse, slug, fact.key, "rollback", 0, 0, fact.round_id)
        return Verdict.ACCEPTED

    def _see_rollback(
        self, fact: Rollback, original: Line, purse: Purse, back: tuple[int, int]
    ) -> None:
        if original.what == "tombstone":
            self._see(Saw.ROLLBACK_OF_TOMBSTONE)
        elif not original.stands:
            self._see(Saw.ROLLBACK_OF_DECLINED)
        elif original.undone:
            self._see(Saw.SECOND_ROLLBACK)
        else:
            self._see(Saw.ROLLBACK_OF_WIN if original.what == "win" else Saw.ROLLBACK_OF_BET)
            if fact.amount is not None and fact.amount.minor not in {-back[0], -back[1]}:
                self._see(Saw.ROLLBACK_CLAIMS_OTHER_AMOUNT)
            if purse.balance + back[1] - back[0] < 0:
                self._see(Saw.DEBT)

    def _imply(self, slug: str, end: RoundEnd, purse: Purse) -> None:
        """Book what the end tells and was never heard, unless the end itself is refused."""
        owner, bet = self._lines.get((slug, end.bet_key), (None, None))
        if bet is not None and owner is not purse:
            return
        unheard = [one for one in end.implied if (slug, one.key) not in self._lines]
        self._see(Saw.END_IMPLIES if unheard else Saw.END_IMPLIES_WHAT_STANDS)
        for one in unheard:
            self.hear(slug, one, self._now)

    def _ended(self, slug: str, fact: RoundEnd, purse: Purse) -> Verdict:
        owner, bet = self._lines.get((slug, fact.bet_key), (None, None))
        if bet is not None and owner is not purse:
            self._see(Saw.ANOTHERS_ROUND)
            return Verdict.CONFLICT
        self._see(Saw.END_WITHOUT_BET if bet is None else Saw.END)
        if bet is not None and bet.stake != fact.stake.minor:
            self._see(Saw.END_DECLARES_OTHER_STAKE)
        self._move(purse, slug, fact.key, "end", 0, 0, fact.round_id, ends=True)
        if bet is None:
            self._bury(purse, slug, fact.bet_key, fact.round_id).only_ended = True
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
