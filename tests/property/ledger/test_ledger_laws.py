"""Laws of deciding and posting, over any facts in any order with any repetition."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.accepting.decide import decide_batch
from ledger.accepting.model import OperationRow
from ledger.posting.rules import LEGS, Movement, entries_of, sweep_of
from providers.contract import LedgerPolicy
from tests.harness.books.ledger import MemoryLedger, bet, request, rollback, win
from tests.property.ledger.ledger_strategies import FACTS, POLICIES, LedgerFact
from vocabulary.facts import Operation
from vocabulary.money import MINOR_MAX

MOVED = st.integers(-MINOR_MAX, MINOR_MAX)


def rows_of(facts: Sequence[LedgerFact], policy: LedgerPolicy) -> list[OperationRow]:
    requests = [request(fact, policy=policy) for fact in facts]
    decisions = decide_batch(MemoryLedger().view, requests)
    return [row for decision in decisions for row in decision.operations]


@given(facts=FACTS, policy=POLICIES)
def test_chains_have_no_gap_and_each_balance_is_the_sum_of_its_operations(
    facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    chains: dict[int, list[OperationRow]] = defaultdict(list)
    for row in rows_of(facts, policy):
        chains[row.wallet_id].append(row)

    for chain in chains.values():
        assert [row.wallet_seq for row in chain] == list(range(1, len(chain) + 1))
        assert chain[0].balance_after == 1000 + chain[0].amount
        assert all(b.balance_after == a.balance_after + b.amount for a, b in pairwise(chain))
        assert chain[-1].balance_after - 1000 == sum(row.amount for row in chain)


@given(facts=FACTS, policy=POLICIES)
def test_only_a_rolled_back_win_can_leave_a_debt(
    facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    for row in rows_of(facts, policy):
        if row.balance_after < 0:
            assert row.stake <= 0
            assert row.amount >= 0 or row.kind == "rollback"


@given(facts=FACTS, policy=POLICIES)
def test_a_key_is_written_once_and_an_original_is_reversed_once(
    facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    rows = rows_of(facts, policy)

    keys = [(row.provider, row.op_key) for row in rows]
    undone = [row.reverses for row in rows if row.reverses is not None]
    assert len(keys) == len(set(keys))
    assert len(undone) == len(set(undone))


@given(facts=FACTS, policy=POLICIES)
@example(
    facts=[bet("k0", 1, handle="ann"), rollback("k1", "k0", minor=0, handle="ann")],
    policy=LedgerPolicy(
        orphan_win_credits=False,
        rollback_of_rollback_accepts=False,
        round_per_operation=False,
        rollback_moves_stated=True,
    ),
)
def test_an_original_and_its_reversal_cancel(
    facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    rows = rows_of(facts, policy)
    by_key = {(row.provider, row.op_key): row for row in rows}

    for row in rows:
        if row.reverses is not None:
            original = by_key[row.provider, row.reverses]
            assert (row.wallet_id, row.round_id) == (original.wallet_id, original.round_id)
            if row.reason != "amount_differs" or not policy.rollback_moves_stated:
                assert row.amount + original.amount == 0
                assert (row.stake, row.payout) == (-original.stake, -original.payout)
            else:  # it moves what it states, and never more than the original did
                assert 0 <= -row.stake <= original.stake
                assert 0 <= -row.payout <= original.payout


@settings(max_examples=200)
@given(data=st.data(), facts=FACTS, policy=POLICIES)
def test_any_order_with_any_repetition_moves_each_key_at_most_once(
    data: st.DataObject, facts: list[LedgerFact], policy: LedgerPolicy
) -> None:
    extra = data.draw(st.lists(st.sampled_from(facts), max_size=20)) if facts else []
    shuffled = data.draw(st.permutations([*facts, *extra]))

    rows = rows_of(shuffled, policy)

    moved = [(row.provider, row.op_key) for row in rows if row.amount or row.stake]
    assert len(moved) == len(set(moved))


@given(
    opening=st.integers(0, 1000),
    bets=st.lists(st.integers(0, 700), max_size=12),
    data=st.data(),
)
def test_bets_with_all_their_rollbacks_leave_the_opening_balance_in_any_order(
    opening: int, bets: list[int], data: st.DataObject
) -> None:
    facts: list[Operation] = [bet(f"b{n}", minor) for n, minor in enumerate(bets)]
    undone = [rollback(f"u{n}", f"b{n}") for n in range(len(bets))]
    ledger = MemoryLedger(balance=opening)

    for fact in data.draw(st.permutations([*facts, *undone])):
        ledger.decide(fact)

    assert ledger.balance == opening


@given(
    wins=st.lists(st.tuples(st.integers(1, 700), st.booleans()), max_size=10), data=st.data()
)
def test_wins_without_a_bet_key_add_up_in_any_order_with_any_repetition(
    wins: list[tuple[int, bool]], data: st.DataObject
) -> None:
    facts: list[Operation] = [
        win(f"w{n}", minor) for n, (minor, twice) in enumerate(wins) for _ in range(1 + twice)
    ]
    ledger = MemoryLedger()

    for fact in data.draw(st.permutations(facts)):
        ledger.decide(fact)

    assert ledger.balance == 1000 + sum(minor for minor, _ in wins)


@given(stake=MOVED, payout=MOVED, funding=MOVED, ends=st.booleans())
def test_entries_sum_to_zero_and_move_the_operations_amount_to_the_wallet(
    stake: int, payout: int, funding: int, ends: bool
) -> None:
    movement = Movement(stake=stake, payout=payout, funding=funding, ends_round=ends)

    entries = entries_of(movement)

    assert sum(entry.amount for entry in entries) == 0
    wallet = [entry.amount for entry in entries if entry.account == "player_wallet"]
    assert sum(wallet) == payout - stake + funding
    assert all(entry.amount != 0 for entry in entries)
    assert len({entry.leg for entry in entries}) == len(entries)


@given(stake=MOVED, payout=MOVED)
def test_an_operation_that_ends_its_round_books_what_a_sweep_books_later(
    stake: int, payout: int
) -> None:
    movement = Movement(stake=stake, payout=payout, funding=0, ends_round=True)
    open_movement = replace(movement, ends_round=False)

    at_once = entries_of(movement)
    later = (*entries_of(open_movement), *sweep_of(stake - payout))

    for account in ("ggr", "provider_clearing", "player_wallet"):
        totals = [
            sum(e.amount for e in entries if e.account == account)
            for entries in (at_once, later)
        ]
        assert totals[0] == totals[1]
    assert len({leg.number for leg in LEGS} | {entry.leg for entry in sweep_of(1)}) == 10
