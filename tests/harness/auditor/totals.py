"""Totals of the auditor's chains: every round, and every account of the chart."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tests.harness.auditor.books import OWN, AuditLine
from vocabulary.facts import Fund

#: (account, slug, currency)
Account = tuple[str, str, str]
#: (slug, round id, player, currency)
ShareName = tuple[str, str, str, str]


@dataclass(slots=True)
class RoundTotal:
    """One wallet's share of a round as it must be after posting; minor units."""

    first_at: datetime
    last_at: datetime
    stake: int = 0
    payout: int = 0
    bets: int = 0
    wins: int = 0
    rollbacks: int = 0
    ended: bool = False


def rounds_of(chains: Iterable[Iterable[AuditLine]]) -> dict[ShareName, RoundTotal]:
    """Every wallet's share of every round; other wallets add nothing to it."""
    rounds: dict[ShareName, RoundTotal] = {}
    for chain in chains:
        for line in chain:
            if line.accepted and line.slug != OWN:
                fresh = RoundTotal(line.received_at, line.received_at)
                _add(rounds.setdefault(_share_name(line), fresh), line)
    return rounds


def accounts_of(chains: Iterable[Iterable[AuditLine]]) -> dict[Account, int]:
    """Every account's balance that is not zero; positive is into the account.

    The part of a balance below zero is in an account of its own.
    """
    totals: defaultdict[Account, int] = defaultdict(int)
    cash: defaultdict[ShareName, int] = defaultdict(int)
    lists = [list(chain) for chain in chains]
    for line in (line for chain in lists for line in chain):
        before, after = line.balance - line.amount, line.balance
        owner = (line.slug, line.currency)
        totals["player_wallet", *owner] += max(after, 0) - max(before, 0)
        totals["player_receivable", *owner] += min(after, 0) - min(before, 0)
        counterpart = _counterpart(line)
        if counterpart is None:
            cash[_share_name(line)] -= line.amount
        else:
            totals[counterpart, *owner] -= line.amount
    for name, total in rounds_of(lists).items():
        slug, _, _, currency = name
        totals["ggr" if total.ended else "provider_clearing", slug, currency] += cash[name]
    return {account: minor for account, minor in totals.items() if minor}


#: The account of each fund.
_FUNDS = {
    Fund.FREE_ROUND: "bonus",
    Fund.BONUS: "bonus",
    Fund.JACKPOT: "jackpot",
    Fund.PROMO: "promo",
    Fund.DIFFERENCE: "difference",
    Fund.SUSPENSE: "suspense",
}


def _counterpart(line: AuditLine) -> str | None:
    """The account on the other side; None if it is the round's clearing or GGR."""
    if line.fund is not Fund.CASH:
        return _FUNDS[line.fund]
    if line.slug != OWN:
        return None
    return "adjustment" if line.kind == "adjustment" else "funding"


def status_of(total: RoundTotal) -> str:
    """The status of a round, from its amounts."""
    nothing = total.stake == 0 and total.payout == 0
    if total.rollbacks and nothing:
        return "rolled_back"
    if not total.ended:
        return "open"
    return "void" if nothing and not total.bets and not total.wins else "settled"


def _share_name(line: AuditLine) -> ShareName:
    return line.slug, line.round_id, line.player, line.currency


def _add(total: RoundTotal, line: AuditLine) -> None:
    total.stake += line.stake
    total.payout += line.payout
    total.bets += line.kind in {"bet", "bet_and_win"}
    total.wins += line.kind in {"win", "bet_and_win"}
    total.rollbacks += line.kind == "rollback"
    total.ended = total.ended or line.ends_round
    total.first_at = min(total.first_at, line.received_at)
    total.last_at = max(total.last_at, line.received_at)
