"""What can be told of one round: every way a provider may tell it, and what we do aside."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from ledger.accepting.own_operations import (
    Adjust,
    Deposit,
    Exclude,
    InRound,
    Limit,
    OwnOperation,
    SetBlocked,
    Withdrawal,
)
from tests.harness.auditor.books import OURS
from tests.harness.books.ledger import balance_query, history
from vocabulary.facts import Bet, BetAndWin, Fact, Fund, Operation, Rollback, RoundEnd, Win
from vocabulary.money import Money

#: (slug, what it says); None is a request nobody understands.
Told = tuple[str, Fact | OwnOperation | None]
STAKES = (0, 7, 300, 900, 1400)
PAYOUTS = (0, 0, 11, 600, 2000)
FUNDS = (*[Fund.CASH] * 12, Fund.FREE_ROUND, Fund.BONUS, Fund.JACKPOT, Fund.PROMO)
OWN_FUNDS = (Fund.CASH, Fund.CASH, Fund.DIFFERENCE, Fund.SUSPENSE)
#: The middle of every day that is told: business days change in it.
NIGHT = datetime(2026, 6, 5, tzinfo=UTC)


def story(random: Random, name: str, handle: str, currency: str) -> list[Operation]:
    """The facts of one round in an order that would be right.

    Args:
        name: what its keys and round ids start with; unique.
    """
    stake = Money(random.choice(STAKES), currency)
    payout = Money(random.choice(PAYOUTS), currency)
    tell = random.choice((_named, _named, _loose, _at_once, _resettled))
    fund = random.choice(FUNDS)
    return [_of(fact, fund) for fact in tell(random, name, handle, stake, payout)]


def shared(random: Random, name: str, seats: Iterable[tuple[str, str]]) -> list[Operation]:
    """What others play in the round of that name, each with keys of their own.

    Args:
        seats: handle and currency of each.
    """
    told = []
    for number, (handle, currency) in enumerate(seats):
        beside = story(random, f"{name}.seat{number}", handle, currency)
        told += [_at_table(fact, name) for fact in beside]
    return told


def _at_table(fact: Operation, name: str) -> Operation:
    if isinstance(fact, RoundEnd):
        implied = tuple(replace(one, round_id=name) for one in fact.implied)
        return replace(fact, round_id=name, implied=implied)
    return replace(fact, round_id=name)


def _of(fact: Operation, fund: Fund) -> Operation:
    if isinstance(fact, RoundEnd):
        return replace(fact, implied=tuple(replace(one, fund=fund) for one in fact.implied))
    return fact if isinstance(fact, Rollback) else replace(fact, fund=fund)


def _named(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """Bet, one or two wins that name it, an end that may imply them, and what undoes them."""
    bet = _bet(name, handle, stake)
    win = _win(name, handle, payout, bet_key=bet.key, stake=stake)
    more = replace(win, key=f"{name}.more", ends_round=random.random() < 0.2)
    implied: tuple[Bet | Win, ...] = random.choice(((), (), (bet, win), (bet,)))
    declared = random.choice((stake, stake, Money(stake.minor + 1, stake.currency)))
    end = RoundEnd(
        key=f"{name}.end",
        handle=handle,
        round_id=name,
        bet_key=bet.key,
        stake=declared,
        payout=payout,
        occurred_at=None,
        implied=implied,
    )
    keys = (bet.key, win.key, end.key)
    told = random.choice(([bet, win, end], [bet, win, more, end], [bet, win, end, more], [end]))
    return [*told, *_undone(random, name, keys, handle, stake)]


def _loose(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """A bet and a win that name nothing of each other."""
    bet = replace(_bet(name, handle, stake), round_id=f"{name}.b")
    win = replace(_win(name, handle, payout, bet_key=None, stake=None), round_id=f"{name}.w")
    undone = _undone(random, name, (bet.key, win.key), handle, random.choice((stake, payout)))
    return [bet, win, *undone]


def _at_once(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """Bet and win as one unit; several of them may share a round."""
    both = BetAndWin(
        key=f"{name}.both",
        handle=handle,
        bet=stake,
        win=payout,
        round_id=name,
        occurred_at=None,
        ends_round=random.random() < 0.5,
    )
    spin = replace(both, key=f"{name}.spin")
    undone = _undone(random, name, (both.key, spin.key), handle, stake)
    return [both, *([spin] if random.random() < 0.3 else []), *undone]


def _resettled(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """A win is taken back and another paid; the player may have spent the first."""
    bet = _bet(name, handle, stake)
    win = _win(name, handle, payout, bet_key=bet.key, stake=None)
    spent = replace(bet, key=f"{name}.spent", amount=payout, round_id=f"{name}.s")
    back = _rollback(name, handle, win.key, payout)
    other = Money(random.choice(PAYOUTS), payout.currency)
    again = replace(win, key=f"{name}.again", amount=other)
    return [bet, win, *([spent] if random.random() < 0.5 else []), back, again]


def _bet(name: str, handle: str, stake: Money) -> Bet:
    return Bet(key=f"{name}.bet", handle=handle, amount=stake, round_id=name, occurred_at=None)


def _win(
    name: str, handle: str, payout: Money, *, bet_key: str | None, stake: Money | None
) -> Win:
    return Win(
        key=f"{name}.win",
        handle=handle,
        amount=payout,
        round_id=name,
        bet_key=bet_key,
        stake=stake,
        occurred_at=None,
    )


def _rollback(name: str, handle: str, original: str, amount: Money | None) -> Rollback:
    return Rollback(
        key=f"{name}.undo",
        handle=handle,
        original_key=original,
        currency="EUR" if amount is None else amount.currency,
        amount=amount,
        round_id=name,
        occurred_at=None,
    )


def _undone(
    random: Random, name: str, keys: tuple[str, ...], handle: str, stake: Money
) -> list[Rollback]:
    """Sometimes one rollback, sometimes two of one original, sometimes one of a rollback."""
    first = _rollback(name, handle, random.choice(keys), stake)
    claimed = random.choice((None, stake, Money(13, stake.currency)))
    first = replace(first, amount=claimed)
    second = replace(first, key=f"{name}.undo-again")
    third = replace(first, key=f"{name}.undo-undo", original_key=first.key)
    return random.choice(([], [], [first], [first, second], [second, first, third]))


def aside(
    random: Random, name: str, player: str, slug: str, handle: str, currency: str
) -> Told:
    """One thing besides the rounds: an order of ours, a question, a record, or nonsense."""
    luck = random.random()
    if luck < 0.15:
        return slug, _adjustment_of_round(random, name, player, slug, currency)
    if luck < 0.75:
        return OURS, _order(random, f"{name}.own", player)
    questions = (balance_query(handle), history(f"{name}.h", handle=handle), None)
    return slug, random.choice(questions)


def _order(random: Random, key: str, player: str) -> OwnOperation:
    tell = random.choice((_funding, _funding, _state, _state, _state, _correction))
    return tell(random, key, player)


def _funding(random: Random, key: str, player: str) -> OwnOperation:
    amount, why = Money(random.choice((50, 700)), "EUR"), "asked"
    fund = random.choice((Fund.CASH, Fund.CASH, Fund.PROMO))
    if random.random() < 0.5:
        return Deposit(key=key, handle=player, amount=amount, reason=why, fund=fund)
    return Withdrawal(key=key, handle=player, amount=amount, reason=why)


def _state(random: Random, key: str, player: str) -> OwnOperation:
    about, why = (key, player, "EUR"), "asked"
    until = NIGHT + timedelta(seconds=random.choice((0, 30, 90)))
    most = [random.choice((None, figure)) for figure in (6, 310, 290)]
    return random.choice(
        (
            _set_blocked(*about, blocked=True),
            _set_blocked(*about, blocked=False),
            Exclude(key=key, handle=player, currency="EUR", until=until, reason=why),
            Limit(
                key=key,
                handle=player,
                currency="EUR",
                stake=most[0],
                turnover=most[1],
                loss=most[2],
                reason=why,
            ),
        )
    )


def _set_blocked(key: str, handle: str, currency: str, *, blocked: bool) -> SetBlocked:
    return SetBlocked(
        key=key, handle=handle, currency=currency, blocked=blocked, reason="asked"
    )


def _correction(random: Random, key: str, player: str) -> OwnOperation:
    amount = Money(random.choice((-1500, -20, 33)), "EUR")
    fund = random.choice(OWN_FUNDS)
    return Adjust(key=key, handle=player, amount=amount, reason="agreed", fund=fund)


def _adjustment_of_round(
    random: Random, name: str, player: str, slug: str, currency: str
) -> Adjust:
    """Often of the round told just before, which it closes."""
    within = InRound(provider=slug, round_id=name, side=random.choice(("stake", "payout")))
    amount = Money(random.choice((-40, 60)), currency)
    fund = random.choice((Fund.CASH, Fund.CASH, Fund.DIFFERENCE))
    return Adjust(
        key=f"{name}.adj", handle=player, amount=amount, reason="r", fund=fund, within=within
    )


def changed(random: Random, fact: Operation, other: str) -> Operation:
    """The same key with other content: another player, another amount, another round."""
    moved = replace(fact, handle=other)
    if isinstance(moved, RoundEnd):
        implied = tuple(replace(one, handle=other) for one in moved.implied)
        moved = replace(moved, implied=implied)
    if isinstance(fact, Bet | Win):
        more = replace(fact, amount=fact.amount + Money(1, fact.amount.currency))
        return random.choice((moved, more))
    if isinstance(fact, RoundEnd):
        return moved
    return random.choice((moved, replace(fact, round_id=fact.round_id + "'")))
