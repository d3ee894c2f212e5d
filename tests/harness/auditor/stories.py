"""Stories of one round: every way a provider may send it, and what else may happen."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

from msgspec.structs import replace

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
from tests.harness.auditor.books import OWN
from tests.harness.books.ledger import balance_query, history
from vocabulary.facts import Bet, BetAndWin, Fact, Fund, Operation, Rollback, RoundEnd, Win
from vocabulary.money import Money

#: (slug, fact); None is a malformed request.
SlugFact = tuple[str, Fact | OwnOperation | None]
STAKES = (0, 7, 300, 900, 1400)
PAYOUTS = (0, 0, 11, 600, 2000)
FUNDS = (*[Fund.CASH] * 12, Fund.FREE_ROUND, Fund.BONUS, Fund.JACKPOT, Fund.PROMO)
OWN_FUNDS = (Fund.CASH, Fund.CASH, Fund.DIFFERENCE, Fund.SUSPENSE)
#: The middle of every simulated day: the business day changes in it.
NIGHT = datetime(2026, 6, 5, tzinfo=UTC)


def story(random: Random, name: str, handle: str, currency: str) -> list[Operation]:
    """The facts of one round in a legal order.

    Args:
        name: unique prefix of its keys and round ids.
    """
    stake = Money(random.choice(STAKES), currency)
    payout = Money(random.choice(PAYOUTS), currency)
    variant = random.choice(
        (_with_references, _with_references, _without_references, _bet_and_wins, _resettled)
    )
    fund = random.choice(FUNDS)
    return [_with_fund(fact, fund) for fact in variant(random, name, handle, stake, payout)]


def shared_story(
    random: Random, name: str, shares: Iterable[tuple[str, str]]
) -> list[Operation]:
    """The facts of other wallets in the round of that name, each with keys of its own.

    Args:
        shares: handle and currency of each.
    """
    facts = []
    for number, (handle, currency) in enumerate(shares):
        own_story = story(random, f"{name}.share{number}", handle, currency)
        facts += [_in_round(fact, name) for fact in own_story]
    return facts


def _in_round(fact: Operation, name: str) -> Operation:
    if isinstance(fact, RoundEnd):
        operations = tuple(replace(x, round_id=name) for x in fact.implied)
        return replace(fact, round_id=name, implied=operations)
    return replace(fact, round_id=name)


def _with_fund(fact: Operation, fund: Fund) -> Operation:
    if isinstance(fact, RoundEnd):
        return replace(fact, implied=tuple(replace(x, fund=fund) for x in fact.implied))
    return fact if isinstance(fact, Rollback) else replace(fact, fund=fund)


def _with_references(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """A bet, one or two wins that name it, an end that may imply them, and rollbacks."""
    bet = _bet(name, handle, stake)
    win = _win(name, handle, payout, bet_key=bet.key, stake=stake)
    second_win = replace(win, key=f"{name}.more", ends_round=random.random() < 0.2)
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
    facts = random.choice(
        (
            [bet, win, end],
            [bet, win, second_win, end],
            [bet, win, end, second_win],
            [end],
        )
    )
    return [*facts, *_rollbacks(random, name, keys, handle, stake)]


def _without_references(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """A bet and a win without reference to each other."""
    bet = replace(_bet(name, handle, stake), round_id=f"{name}.b")
    bet = replace(bet, ends_round=random.random() < 0.3)
    win = replace(_win(name, handle, payout, bet_key=None, stake=None), round_id=f"{name}.w")
    rollbacks = _rollbacks(
        random, name, (bet.key, win.key), handle, random.choice((stake, payout))
    )
    return [bet, win, *rollbacks]


def _bet_and_wins(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """A bet and win as one operation; two of them may share a round."""
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
    rollbacks = _rollbacks(random, name, (both.key, spin.key), handle, stake)
    return [both, *([spin] if random.random() < 0.3 else []), *rollbacks]


def _resettled(
    random: Random, name: str, handle: str, stake: Money, payout: Money
) -> list[Operation]:
    """A win is rolled back and another paid; the player may have spent the first."""
    bet = _bet(name, handle, stake)
    win = _win(name, handle, payout, bet_key=bet.key, stake=None)
    next_bet = replace(bet, key=f"{name}.spent", amount=payout, round_id=f"{name}.s")
    rollback = _rollback(name, handle, win.key, payout)
    amount = Money(random.choice(PAYOUTS), payout.currency)
    second_win = replace(win, key=f"{name}.again", amount=amount)
    spending = [next_bet] if random.random() < 0.5 else []
    return [bet, win, *spending, rollback, second_win]


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


def _rollbacks(
    random: Random, name: str, keys: tuple[str, ...], handle: str, stake: Money
) -> list[Rollback]:
    """No rollback, one, two of one original, or also a rollback of the rollback."""
    first = _rollback(name, handle, random.choice(keys), stake)
    claimed = random.choice((None, stake, Money(13, stake.currency)))
    first = replace(first, amount=claimed)
    second = replace(first, key=f"{name}.undo-again")
    third = replace(first, key=f"{name}.undo-undo", original_key=first.key)
    return random.choice(([], [], [first], [first, second], [second, first, third]))


def extra_fact(
    random: Random, name: str, player: str, slug: str, handle: str, currency: str
) -> SlugFact:
    """One extra fact: an own operation, a query, a record, or a malformed request."""
    luck = random.random()
    if luck < 0.15:
        return slug, _adjustment_of_round(random, name, player, slug, currency)
    if luck < 0.75:
        return OWN, _own_operation(random, f"{name}.own", player)
    requests = (balance_query(handle), history(f"{name}.h", handle=handle), None)
    return slug, random.choice(requests)


def _own_operation(random: Random, key: str, player: str) -> OwnOperation:
    kind = random.choice((_funding, _funding, _state, _state, _state, _correction))
    return kind(random, key, player)


def _funding(random: Random, key: str, player: str) -> OwnOperation:
    amount = Money(random.choice((50, 700)), "EUR")
    fund = random.choice((Fund.CASH, Fund.CASH, Fund.PROMO))
    if random.random() < 0.5:
        return Deposit(key=key, handle=player, amount=amount, reason="asked", fund=fund)
    return Withdrawal(key=key, handle=player, amount=amount, reason="asked")


def _state(random: Random, key: str, player: str) -> OwnOperation:
    wallet = (key, player, "EUR")
    until = NIGHT + timedelta(seconds=random.choice((0, 30, 90)))
    limits = [random.choice((None, limit)) for limit in (6, 310, 290)]
    return random.choice(
        (
            _set_blocked(*wallet, blocked=True),
            _set_blocked(*wallet, blocked=False),
            Exclude(key=key, handle=player, currency="EUR", until=until, reason="asked"),
            Limit(
                key=key,
                handle=player,
                currency="EUR",
                stake=limits[0],
                turnover=limits[1],
                loss=limits[2],
                reason="asked",
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
    """Often of the round just before, which it ends."""
    within = InRound(provider=slug, round_id=name, side=random.choice(("stake", "payout")))
    amount = Money(random.choice((-40, 60)), currency)
    fund = random.choice((Fund.CASH, Fund.CASH, Fund.DIFFERENCE))
    return Adjust(
        key=f"{name}.adj", handle=player, amount=amount, reason="r", fund=fund, within=within
    )


def changed_repeat(random: Random, fact: Operation, other_handle: str) -> Operation:
    """A fact with the same key and another player, amount or round."""
    renamed = replace(fact, handle=other_handle)
    if isinstance(renamed, RoundEnd):
        implied = tuple(replace(x, handle=other_handle) for x in renamed.implied)
        renamed = replace(renamed, implied=implied)
    if isinstance(fact, Bet | Win):
        more = replace(fact, amount=fact.amount + Money(1, fact.amount.currency))
        return random.choice((renamed, more))
    if isinstance(fact, RoundEnd):
        return renamed
    return random.choice((renamed, replace(fact, round_id=fact.round_id + "'")))
