"""Laws of posting: zero sums, reversals, debts, and any order of batches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ledger.enums import Account
from ledger.posting.rules import Entry, Movement, entries_of, owed_by, sweep_of
from vocabulary.facts import Fund

SMALL = st.integers(-1000, 1000)
FUNDS = st.sampled_from(list(Fund))
MOVEMENTS = st.builds(
    Movement,
    stake=SMALL,
    payout=SMALL,
    funding=st.just(0),
    ends_round=st.booleans(),
    owed=SMALL,
    fund=FUNDS,
    adjusts=st.booleans(),
)
ROUND = st.lists(
    st.builds(
        Movement,
        stake=SMALL,
        payout=SMALL,
        funding=st.just(0),
        ends_round=st.booleans(),
        fund=st.sampled_from([Fund.CASH, Fund.CASH, Fund.PROMO]),
    ),
    max_size=6,
)


def totals(entries: Iterable[Entry]) -> dict[Account, int]:
    sums: Counter[Account] = Counter()
    for entry in entries:
        sums[entry.account] += entry.amount
    return {account: amount for account, amount in sums.items() if amount}


def posted(batches: Iterable[Sequence[Movement]]) -> list[Entry]:
    """A round's entries if its operations are posted in these batches, in this order."""
    entries: list[Entry] = []
    due, ended = 0, False
    for batch in batches:
        for movement in batch:
            entries += entries_of(movement)
            ended = ended or movement.ends_round
            if not movement.ends_round and movement.fund is Fund.CASH:
                due += movement.stake - movement.payout
        if ended:
            entries += sweep_of(due)
            due = 0
    return entries


@given(movement=MOVEMENTS)
def test_entries_sum_to_zero_whatever_the_fund(movement: Movement) -> None:
    entries = entries_of(movement)

    assert sum(entry.amount for entry in entries) == 0
    assert len({entry.leg for entry in entries}) == len(entries)


@given(movement=MOVEMENTS)
def test_an_operation_and_its_inverse_leave_every_account_empty(movement: Movement) -> None:
    inverse = replace(
        movement, stake=-movement.stake, payout=-movement.payout, owed=-movement.owed
    )

    assert totals((*entries_of(movement), *entries_of(inverse))) == {}


@given(movement=MOVEMENTS)
def test_money_of_a_fund_never_passes_through_clearing_ggr_or_funding(
    movement: Movement,
) -> None:
    accounts = {entry.account for entry in entries_of(movement)}

    if movement.fund is not Fund.CASH:
        assert not accounts & {Account.PROVIDER_CLEARING, Account.GGR, Account.FUNDING}


@given(movements=ROUND, data=st.data())
def test_a_round_is_posted_alike_in_any_order_and_any_batches(
    movements: list[Movement], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(movements))
    cut = data.draw(st.integers(0, len(movements)))

    assert totals(posted([shuffled[:cut], shuffled[cut:]])) == totals(posted([movements]))


@given(movements=ROUND)
def test_an_ended_round_has_no_clearing_and_an_open_one_no_ggr(
    movements: list[Movement],
) -> None:
    accounts = totals(posted([movements]))

    empty = Account.PROVIDER_CLEARING if any(x.ends_round for x in movements) else Account.GGR
    assert accounts.get(empty, 0) == 0


@given(balances=st.lists(SMALL, min_size=1, max_size=20))
def test_wallets_hold_balances_above_zero_and_receivable_those_below(
    balances: list[int],
) -> None:
    entries = [
        entry
        for before, after in pairwise((0, *balances))
        for entry in entries_of(
            Movement(
                stake=0,
                payout=after - before,
                funding=0,
                ends_round=True,
                owed=owed_by(amount=after - before, balance_after=after),
            )
        )
    ]

    accounts = totals(entries)
    assert accounts.get(Account.PLAYER_WALLET, 0) == max(balances[-1], 0)
    assert accounts.get(Account.PLAYER_RECEIVABLE, 0) == min(balances[-1], 0)
