"""A second opinion on the ledger: plain dictionaries that predict what the books must say.

It knows the vocabulary and nothing of the ledger. It hears facts one after another and says
the verdict of each; afterwards it tells every wallet's chain and every round. It is written
from the decision table, slowly and obviously: where it and the ledger differ, one is wrong.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vocabulary.facts import (
    BalanceQuery,
    Bet,
    BetAndWin,
    Fact,
    HistoryRecord,
    Operation,
    Rollback,
    RoundEnd,
    Win,
    fingerprint,
)
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

#: The slug under which our own orders stand.
OURS = "tieout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one provider wants where providers differ."""

    pays_orphans: bool
    lets_rollbacks_be_rolled_back: bool
    one_round_each: bool


@dataclass(slots=True)
class Line:
    """One place of a wallet's chain."""

    slug: str
    key: str
    what: str
    stands: bool
    stake: int
    payout: int
    balance: int
    round_id: str
    ends: bool = False
    undone: bool = False


@dataclass(slots=True)
class Purse:
    """One wallet: what is in it, and how it came there."""

    player: str
    currency: str
    balance: int = 0
    blocked: bool = False
    chain: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Round:
    """What came of one round, as it must stand after posting."""

    stake: int = 0
    payout: int = 0
    bets: int = 0
    wins: int = 0
    rollbacks: int = 0
    ended: bool = False


class Auditor:
    """Hears everything in order and keeps its own books."""

    def __init__(
        self,
        rules: Mapping[str, Rules],
        purses: Iterable[Purse],
        names: Mapping[tuple[str, str], str],
    ) -> None:
        """Start with empty chains.

        Args:
            rules: by provider slug.
            purses: every wallet there is.
            names: the player for each (slug, handle).
        """
        self._rules = rules
        self._names = names
        self.purses = {(purse.player, purse.currency): purse for purse in purses}
        self._lines: dict[tuple[str, str], tuple[Purse, Line]] = {}
        self._heard: dict[tuple[str, str], bytes] = {}

    def fund(self, player: str, money: Money, key: str) -> Verdict:
        """Money from outside, or to outside when negative: then only if it is there."""
        purse = self.purses[player, money.currency]
        enough = money.minor >= 0 or purse.balance + money.minor >= 0
        purse.balance += money.minor if enough else 0
        self._write(purse, OURS, key, "funding", stands=enough)
        return Verdict.ACCEPTED if enough else Verdict.DECLINED_FUNDS

    def block(self, player: str, currency: str, key: str, *, blocked: bool) -> Verdict:
        """Refuse the player's stakes from now on, or take them again."""
        purse = self.purses[player, currency]
        purse.blocked = blocked
        self._write(purse, OURS, key, "block", stands=True)
        return Verdict.ACCEPTED

    def hear(self, slug: str, fact: Fact) -> Verdict:
        """The verdict one fact must get, given all that was heard before."""
        if isinstance(fact, HistoryRecord):
            return Verdict.RECORDED
        if isinstance(fact, BalanceQuery):
            purse = self._purse(slug, fact.handle, fact.currency)
            return purse if isinstance(purse, Verdict) else Verdict.BALANCE
        known = self._lines.get((slug, fact.key))
        if known is not None:
            if known[1].what == "tombstone" and not isinstance(fact, Rollback | RoundEnd):
                return Verdict.ROLLED_BACK
            same = self._heard.get((slug, fact.key)) == fingerprint(fact)
            return Verdict.REPEATED if same else Verdict.CONFLICT
        purse = self._purse(slug, fact.handle, _currency(fact))
        if isinstance(purse, Verdict):
            return purse
        verdict = self._judge(slug, fact, purse)
        if (slug, fact.key) in self._lines:
            self._heard[slug, fact.key] = fingerprint(fact)
        return verdict

    @property
    def chains(self) -> dict[tuple[str, str], list[Line]]:
        """Every wallet's chain, by (player, currency)."""
        return {wallet: purse.chain for wallet, purse in self.purses.items()}

    def _purse(self, slug: str, handle: str, currency: str) -> Purse | Verdict:
        player = self._names.get((slug, handle))
        if player is None:
            return Verdict.PLAYER_UNKNOWN
        return self.purses.get((player, currency), Verdict.CURRENCY_WRONG)

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
        if stake > 0 and (purse.blocked or stake > purse.balance):
            self._write(purse, slug, fact.key, what, stands=False, round_id=fact.round_id)
            return Verdict.DECLINED_BLOCKED if purse.blocked else Verdict.DECLINED_FUNDS
        self._move(purse, slug, fact.key, what, stake, payout, fact.round_id)
        return Verdict.ACCEPTED

    def _won(self, slug: str, fact: Win, purse: Purse) -> Verdict:
        if fact.bet_key is not None:
            owner, bet = self._lines.get((slug, fact.bet_key), (None, None))
            if bet is None or not bet.stands:
                if not self._rules[slug].pays_orphans:
                    return Verdict.BET_UNKNOWN
            elif owner is not purse:
                return Verdict.CONFLICT
            elif bet.undone or bet.what == "tombstone":
                return Verdict.ROLLED_BACK
        self._move(purse, slug, fact.key, "win", 0, fact.amount.minor, fact.round_id)
        return Verdict.ACCEPTED

    def _rolled_back(self, slug: str, fact: Rollback, purse: Purse) -> Verdict:
        owner, original = self._lines.get((slug, fact.original_key), (None, None))
        if original is None:
            self._move(purse, slug, fact.key, "rollback", 0, 0, fact.round_id)
            self._bury(purse, slug, fact.original_key, fact.round_id)
            return Verdict.ACCEPTED
        if owner is not purse:
            return Verdict.CONFLICT
        if original.what in {"rollback", "end"}:
            if not self._rules[slug].lets_rollbacks_be_rolled_back:
                return Verdict.IRREVERSIBLE
            self._move(purse, slug, fact.key, "rollback", 0, 0, fact.round_id)
            return Verdict.ACCEPTED
        back = (0, 0) if original.undone else (-original.stake, -original.payout)
        original.undone = original.stands
        self._move(purse, slug, fact.key, "rollback", *back, original.round_id)
        return Verdict.ACCEPTED

    def _ended(self, slug: str, fact: RoundEnd, purse: Purse) -> Verdict:
        owner, bet = self._lines.get((slug, fact.bet_key), (None, None))
        if bet is not None and owner is not purse:
            return Verdict.CONFLICT
        self._move(purse, slug, fact.key, "end", 0, 0, fact.round_id)
        if bet is None:
            self._bury(purse, slug, fact.bet_key, fact.round_id)
        return Verdict.ACCEPTED

    def _move(
        self,
        purse: Purse,
        slug: str,
        key: str,
        what: str,
        stake: int,
        payout: int,
        round_id: str,
    ) -> None:
        purse.balance += payout - stake
        line = self._write(purse, slug, key, what, stands=True, round_id=round_id)
        line.stake, line.payout = stake, payout
        line.ends = what == "end" or self._rules[slug].one_round_each

    def _bury(self, purse: Purse, slug: str, key: str, round_id: str) -> None:
        self._write(purse, slug, key, "tombstone", stands=True, round_id=round_id)

    def _write(
        self, purse: Purse, slug: str, key: str, what: str, *, stands: bool, round_id: str = ""
    ) -> Line:
        line = Line(slug, key, what, stands, 0, 0, purse.balance, round_id)
        purse.chain.append(line)
        self._lines[slug, key] = (purse, line)
        return line


def rounds_of(chains: Iterable[Iterable[Line]]) -> dict[tuple[str, str], Round]:
    """Every round by (slug, round id), from whatever chains it stands in."""
    rounds: dict[tuple[str, str], Round] = {}
    for chain in chains:
        for line in chain:
            if line.stands and line.slug != OURS:
                _add(rounds.setdefault((line.slug, line.round_id), Round()), line)
    return rounds


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


def _add(told: Round, line: Line) -> None:
    told.stake += line.stake
    told.payout += line.payout
    told.bets += line.what in {"bet", "both"}
    told.wins += line.what in {"win", "both"}
    told.rollbacks += line.what == "rollback"
    told.ended = told.ended or line.ends
