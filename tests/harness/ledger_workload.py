"""A seeded day of mischief: facts of several providers, repeated, changed and undone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from ledger.importing import PlayerRow
from ledger.orders import Deposit, Order, SetBlocked, Withdrawal
from providers.contract import Policy
from tests.harness.ledger import LENIENT, STRICT, balance_query, history
from vocabulary.facts import Bet, BetAndWin, Fact, Operation, Rollback, RoundEnd, Win
from vocabulary.money import Money

PLAYERS = ("ann", "bob", "cleo", "dan", "eve")
STRANGER = "nobody"
OPENING = 900
#: strict: named bets and round ends. lenient: every operation a round of its own.
#: orphans: named bets, but wins are paid without them.
POLICIES: Mapping[str, Policy] = {
    "strict": STRICT,
    "lenient": LENIENT,
    "orphans": Policy(
        orphan_win_credits=True, rollback_of_rollback_accepts=False, round_per_operation=False
    ),
}
#: How far a fact may travel from its place, in facts.
DRIFT = 12


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that reaches the ledger."""

    slug: str
    what: Fact | Order


def opening_rows() -> list[PlayerRow]:
    """Every player with a wallet in EUR and one in JPY."""
    return [
        PlayerRow(line=line, player=player, opening=Money(OPENING, currency), handles={})
        for line, (player, currency) in enumerate(
            ((player, currency) for player in PLAYERS for currency in ("EUR", "JPY")), start=2
        )
    ]


def workload(seed: int, rounds: int) -> list[Said]:
    """About five facts a round, in the order of their arrival; the seed decides everything."""
    random = Random(seed)
    said = [one for number in range(rounds) for one in _round(random, number)]
    noisy = [one for each in said for one in _noise(random, each)]
    places = [
        at + random.randrange(DRIFT) * (random.random() < 0.3) for at in range(len(noisy))
    ]
    order = sorted(range(len(noisy)), key=lambda at: (places[at], at))
    return [noisy[at] for at in order]


def _round(random: Random, number: int) -> list[Said]:
    slug = random.choice(list(POLICIES))
    handle = random.choice((*PLAYERS, *PLAYERS, *PLAYERS, STRANGER))
    currency = random.choice((*["EUR"] * 9, *["JPY"] * 3, "BTC"))
    stake = Money(random.choice((0, 7, 300, 900)), currency)
    payout = Money(random.choice((0, 0, 11, 600)), currency)
    if slug == "lenient":
        told = _loose(random, number, handle, stake, payout)
    else:
        told = _tied(random, number, handle, stake, payout)
    aside = _aside(random, number) if random.random() < 0.25 else []
    return [*(Said(slug, fact) for fact in told), *aside]


def _tied(
    random: Random, number: int, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    key, round_id = f"bet:{number}", str(number)
    bet = Bet(key=key, handle=handle, amount=stake, round_id=round_id, occurred_at=None)
    win = Win(
        key=f"win:{number}",
        handle=handle,
        amount=payout,
        round_id=round_id,
        bet_key=key,
        stake=stake,
        occurred_at=None,
    )
    end = RoundEnd(
        key=f"end:{number}",
        handle=handle,
        round_id=round_id,
        bet_key=key,
        stake=stake,
        payout=payout,
        occurred_at=None,
    )
    undone = _undone(random, number, (key, win.key, end.key), handle, stake)
    told: list[Operation] = [bet, win, end, *undone]
    return [fact for fact in told if random.random() < 0.85]


def _loose(
    random: Random, number: int, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    bet = Bet(
        key=f"b{number}", handle=handle, amount=stake, round_id=f"b{number}", occurred_at=None
    )
    both = BetAndWin(
        key=f"x{number}",
        handle=handle,
        bet=stake,
        win=payout,
        round_id=f"x{number}",
        occurred_at=None,
    )
    win = Win(
        key=f"w{number}",
        handle=handle,
        amount=payout,
        round_id=f"w{number}",
        bet_key=None,
        stake=None,
        occurred_at=None,
    )
    undone = _undone(random, number, (bet.key, both.key, win.key), handle, stake)
    told: list[Operation] = [bet, both, win, *undone]
    return [fact for fact in told if random.random() < 0.7]


def _undone(
    random: Random, number: int, keys: tuple[str, ...], handle: str, stake: Money
) -> list[Rollback]:
    """Sometimes one rollback, sometimes two of one original, sometimes one of a rollback."""
    original = random.choice(keys)
    first = Rollback(
        key=f"undo:{number}",
        handle=handle,
        original_key=original,
        currency=stake.currency,
        amount=random.choice((None, stake, Money(13, stake.currency))),
        round_id=original,
        occurred_at=None,
    )
    second = replace(first, key=f"undo-again:{number}")
    third = replace(first, key=f"undo-undo:{number}", original_key=first.key)
    return random.choice(([], [], [first], [first, second], [second, first, third]))


def _aside(random: Random, number: int) -> list[Said]:
    player = random.choice(PLAYERS)
    amount = Money(random.choice((50, 700)), "EUR")
    key, why = f"own:{number}", "asked"
    return [
        random.choice(
            (
                Said("tieout", Deposit(key=key, handle=player, amount=amount, reason=why)),
                Said("tieout", Withdrawal(key=key, handle=player, amount=amount, reason=why)),
                Said(
                    "tieout",
                    SetBlocked(
                        key=key,
                        handle=player,
                        currency="EUR",
                        blocked=random.random() < 0.5,
                        reason=why,
                    ),
                ),
                Said("strict", balance_query(player)),
                Said("strict", history(f"h{number}", handle=player)),
            )
        )
    ]


def _noise(random: Random, said: Said) -> list[Said]:
    """The thing itself, sometimes again, sometimes again with something changed."""
    luck = random.random()
    if luck < 0.75 or not isinstance(said.what, Operation):
        return [said]
    if luck < 0.9:
        return [said] * random.choice((2, 2, 3))
    return [said, Said(said.slug, _changed(random, said.what)), said]


def _changed(random: Random, fact: Operation) -> Operation:
    other = replace(fact, handle=random.choice(PLAYERS))
    if isinstance(fact, Bet | Win):
        more = replace(fact, amount=fact.amount + Money(1, fact.amount.currency))
        return random.choice((other, more))
    return random.choice((other, replace(fact, round_id=fact.round_id + "'")))
