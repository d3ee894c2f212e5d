"""What Hypothesis tells the ledger: any facts and orders over few keys and players."""

from datetime import UTC, datetime

from hypothesis import strategies as st

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
from providers.contract import Policy
from tests.harness.books.ledger import (
    bet,
    bet_and_win,
    deposit,
    rollback,
    round_end,
    set_blocked,
    win,
    withdrawal,
)
from vocabulary.facts import Fund, Operation
from vocabulary.money import Money

Told = Operation | OwnOperation
AMOUNTS = st.integers(0, 700)
KEYS = st.sampled_from([f"k{n}" for n in range(6)])
HANDLES = st.sampled_from(["ann", "ann", "ann", "bob", "eve"])
POLICIES = st.builds(
    Policy,
    orphan_win_credits=st.booleans(),
    rollback_of_rollback_accepts=st.booleans(),
    round_per_operation=st.booleans(),
)
OPERATIONS: st.SearchStrategy[Told] = st.one_of(
    st.builds(bet, KEYS, AMOUNTS, handle=HANDLES),
    st.builds(win, KEYS, AMOUNTS, bet_key=st.none() | KEYS, handle=HANDLES),
    st.builds(bet_and_win, KEYS, AMOUNTS, AMOUNTS),
    st.tuples(KEYS, KEYS, st.none() | AMOUNTS, HANDLES)
    .filter(lambda told: told[0] != told[1])
    .map(lambda told: rollback(told[0], told[1], minor=told[2], handle=told[3])),
    st.tuples(KEYS, KEYS, AMOUNTS, HANDLES)
    .filter(lambda told: told[0] != told[1])
    .map(lambda told: round_end(told[0], of=told[1], staked=told[2], handle=told[3])),
)
ORDERS: st.SearchStrategy[Told] = st.one_of(
    st.builds(deposit, KEYS, st.integers(1, 700)),
    st.builds(withdrawal, KEYS, st.integers(1, 700)),
    st.builds(set_blocked, KEYS, blocked=st.booleans()),
)
FACTS = st.lists(OPERATIONS | ORDERS, max_size=30)

_NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=4)
_WHY = st.just("agreed")
_MONEY = st.builds(Money, st.integers(-3, 3), st.sampled_from(["EUR", "JPY"]))
_MOST = st.none() | st.integers(0, 2)
_INSTANTS = st.sampled_from([datetime(2026, 6, day, tzinfo=UTC) for day in (1, 2)])
_ABOUT = {"key": _NAMES, "handle": _NAMES, "reason": _WHY}
_WITHIN = st.builds(
    InRound, provider=_NAMES, round_id=_NAMES, side=st.sampled_from(["stake", "payout"])
)
#: Every kind of order, over texts a name may hold.
ORDERS_OF_ALL_KINDS: st.SearchStrategy[OwnOperation] = st.one_of(
    st.builds(Deposit, amount=_MONEY, fund=st.sampled_from(Fund), **_ABOUT),
    st.builds(Withdrawal, amount=_MONEY, **_ABOUT),
    st.builds(SetBlocked, currency=st.just("EUR"), blocked=st.booleans(), **_ABOUT),
    st.builds(Exclude, currency=st.just("EUR"), until=_INSTANTS, **_ABOUT),
    st.builds(
        Limit, currency=st.just("EUR"), stake=_MOST, turnover=_MOST, loss=_MOST, **_ABOUT
    ),
    st.builds(
        Adjust,
        amount=_MONEY,
        fund=st.sampled_from(Fund),
        within=st.none() | _WITHIN,
        **_ABOUT,
    ),
)
