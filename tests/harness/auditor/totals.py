"""What the auditor's chains add up to: every round, and every account of the chart."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tests.harness.auditor.books import OURS, Line
from vocabulary.facts import Fund

#: (account, slug, currency)
Account = tuple[str, str, str]
#: (slug, round id, player, currency)
Part = tuple[str, str, str, str]


@dataclass(slots=True)
class RoundTotal:
    """What must stand of one wallet's part in a round after posting; minor units."""

    first_at: datetime
    last_at: datetime
    stake: int = 0
    payout: int = 0
    bets: int = 0
    wins: int = 0
    rollbacks: int = 0
    ended: bool = False


def rounds_of(chains: Iterable[Iterable[Line]]) -> dict[Part, RoundTotal]:
    """Every wallet's part in every round: whoever plays beside it adds nothing to it."""
    rounds: dict[Part, RoundTotal] = {}
    for chain in chains:
        for line in chain:
            if line.stands and line.slug != OURS:
                fresh = RoundTotal(line.at, line.at)
                _add(rounds.setdefault(_part(line), fresh), line)
    return rounds


def accounts_of(chains: Iterable[Iterable[Line]]) -> dict[Account, int]:
    """The balance of every account that is not empty, positive into the account.

    What a player owes stands apart from what players have.
    """
    told: defaultdict[Account, int] = defaultdict(int)
    cash: defaultdict[Part, int] = defaultdict(int)
    kept = [list(chain) for chain in chains]
    for line in (line for chain in kept for line in chain):
        before, after = line.balance - line.moved, line.balance
        where = (line.slug, line.currency)
        told["player_wallet", *where] += max(after, 0) - max(before, 0)
        told["player_receivable", *where] += min(after, 0) - min(before, 0)
        against = _against(line)
        if against is None:
            cash[_part(line)] -= line.moved
        else:
            told[against, *where] -= line.moved
    for part, one in rounds_of(kept).items():
        slug, _, _, currency = part
        told["ggr" if one.ended else "provider_clearing", slug, currency] += cash[part]
    return {account: minor for account, minor in told.items() if minor}


#: Where the money of a fund stands.
_FUNDS = {
    Fund.FREE_ROUND: "bonus",
    Fund.BONUS: "bonus",
    Fund.JACKPOT: "jackpot",
    Fund.PROMO: "promo",
    Fund.DIFFERENCE: "difference",
    Fund.SUSPENSE: "suspense",
}


def _against(line: Line) -> str | None:
    """The account on the other side; None when it is the round's."""
    if line.fund is not Fund.CASH:
        return _FUNDS[line.fund]
    if line.slug != OURS:
        return None
    return "adjustment" if line.what == "adjustment" else "funding"


def status_of(told: RoundTotal) -> str:
    """What state a round is in, said from its figures."""
    nothing = told.stake == 0 and told.payout == 0
    if told.rollbacks and nothing:
        return "rolled_back"
    if not told.ended:
        return "open"
    return "void" if nothing and not told.bets and not told.wins else "settled"


def _part(line: Line) -> Part:
    return line.slug, line.round_id, line.player, line.currency


def _add(told: RoundTotal, line: Line) -> None:
    told.stake += line.stake
    told.payout += line.payout
    told.bets += line.what in {"bet", "both"}
    told.wins += line.what in {"win", "both"}
    told.rollbacks += line.what == "rollback"
    told.ended = told.ended or line.ends
    told.first_at = min(told.first_at, line.at)
    told.last_at = max(told.last_at, line.at)
