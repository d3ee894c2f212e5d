"""Hypothesis strategies for the ledger: any facts and own operations, few keys and players."""

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
from providers.contract import LedgerPolicy
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

LedgerFact = Operation | OwnOperation
AMOUNTS = st.integers(0, 700)
KEYS = st.sampled_from([f"k{n}" for n in range(6)])
HANDLES = st.sampled_from(["ann", "ann", "ann", "bob", "eve"])
POLICIES = st.builds(
    LedgerPolicy,
    orphan_win_credits=st.booleans(),
    rollback_of_rollback_accepts=st.booleans(),
    round_per_operation=st.booleans(),
)
OPERATIONS: st.SearchStrategy[LedgerFact] = st.one_of(
    st.builds(bet, KEYS, AMOUNTS, handle=HANDLES),
    st.builds(win, KEYS, AMOUNTS, bet_key=st.none() | KEYS, handle=HANDLES),
    st.builds(bet_and_win, KEYS, AMOUNTS, AMOUNTS),
    st.tuples(KEYS, KEYS, st.none() | AMOUNTS, HANDLES)
    .filter(lambda drawn: drawn[0] != drawn[1])
    .map(lambda drawn: rollback(drawn[0], drawn[1], minor=drawn[2], handle=drawn[3])),
    st.tuples(KEYS, KEYS, AMOUNTS, HANDLES)
    .filter(lambda drawn: drawn[0] != drawn[1])
    .map(lambda drawn: round_end(drawn[0], of=drawn[1], staked=drawn[2], handle=drawn[3])),
)
OWN_OPERATIONS: st.SearchStrategy[LedgerFact] = st.one_of(
    st.builds(deposit, KEYS, st.integers(1, 700)),
    st.builds(withdrawal, KEYS, st.integers(1, 700)),
    st.builds(set_blocked, KEYS, blocked=st.booleans()),
)
FACTS = st.lists(OPERATIONS | OWN_OPERATIONS, max_size=30)

_NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=4)
_REASON = st.just("agreed")
_MONEY = st.builds(Money, st.integers(-3, 3), st.sampled_from(["EUR", "JPY"]))
_LIMIT = st.none() | st.integers(0, 2)
_INSTANTS = st.sampled_from([datetime(2026, 6, day, tzinfo=UTC) for day in (1, 2)])
_COMMON = {"key": _NAMES, "handle": _NAMES, "reason": _REASON}
_WITHIN = st.builds(
    InRound, provider=_NAMES, round_id=_NAMES, side=st.sampled_from(["stake", "payout"])
)
#: Every kind of own operation, over any text a name may hold.
ALL_OWN_OPERATIONS: st.SearchStrategy[OwnOperation] = st.one_of(
    st.builds(Deposit, amount=_MONEY, fund=st.sampled_from(Fund), **_COMMON),
    st.builds(Withdrawal, amount=_MONEY, **_COMMON),
    st.builds(SetBlocked, currency=st.just("EUR"), blocked=st.booleans(), **_COMMON),
    st.builds(Exclude, currency=st.just("EUR"), until=_INSTANTS, **_COMMON),
    st.builds(
        Limit, currency=st.just("EUR"), stake=_LIMIT, turnover=_LIMIT, loss=_LIMIT, **_COMMON
    ),
    st.builds(
        Adjust,
        amount=_MONEY,
        fund=st.sampled_from(Fund),
        within=st.none() | _WITHIN,
        **_COMMON,
    ),
)
