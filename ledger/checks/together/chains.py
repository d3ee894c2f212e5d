"""Chains of wallets in memory: positions, balances, turnovers, blocks; counts of batches."""

import numpy as np

from ledger.checks.together import codes
from ledger.checks.together.books import Batches, Operations, require_summable
from ledger.checks.together.columns import Integers
from ledger.enums import OperationKind


def currencies_fit(operations: Operations) -> bool:
    """Whether every operation has the currency of its wallet, which is one of the list."""
    currency = codes.CURRENCY.of(operations.code)
    expected = operations.wallets.currency[operations.wallet]
    return bool(((currency == expected) & (currency > 0)).all())


def positions_run(operations: Operations) -> bool:
    """Whether each wallet's operations are at the positions up to that of the wallet."""
    return bool(operations.filled.all())


def balances_follow(operations: Operations) -> bool:
    """Whether each balance is the one before plus the amount.

    The slots are filled.
    """
    before = np.empty(operations.count, dtype=np.int64)
    before[1:] = operations.balance[:-1]
    moved = operations.wallets.operations > 0
    before[operations.firsts[moved]] = operations.wallets.balance_before[moved]
    return bool((operations.balance - operations.amount == before).all())


def wallets_end_their_chain(operations: Operations) -> bool:
    """Whether each wallet has the balance of its last operation. The slots are filled."""
    wallets = operations.wallets
    last = wallets.balance_before.copy()
    moved = wallets.operations > 0
    last[moved] = operations.balance[(operations.firsts + wallets.operations - 1)[moved]]
    return bool((wallets.balance == last).all())


def wallets_count_their_chain(operations: Operations) -> bool:
    """Whether turnovers and blocks are those of accepted operations. The slots are filled."""
    wallets, accepted = operations.wallets, codes.accepted(operations.code)
    turnover = wallets.turnover_before + _by_wallet(
        operations, np.where(accepted, operations.stake, 0)
    )
    blocked, block = wallets.blocked_before.copy(), OperationKind.BLOCK
    setting = codes.is_kind(operations.code, block, OperationKind.UNBLOCK) & accepted
    # Slots ascend within a wallet, and of several assignments to one place the last counts.
    blocked[operations.wallet[setting]] = codes.is_kind(operations.code[setting], block)
    return bool(((wallets.turnover == turnover) & (wallets.blocked == blocked)).all())


def batches_are_whole(batches: Batches, counts: Integers) -> bool:
    """Whether each batch has the operations that it states, and is not posted and parked.

    Args:
        batches: all of them.
        counts: how many operations each has.
    """
    is_both = (batches.posted & batches.parked) != 0
    return bool(((batches.operations == counts) & ~is_both).all())


def unposted_by_wallet(operations: Operations) -> Integers:
    """What operations that are not posted move, by wallet."""
    posted = codes.POSTED.is_set(operations.code)
    return _by_wallet(operations, np.where(posted, 0, operations.amount))


def _by_wallet(operations: Operations, amounts: Integers) -> Integers:
    """Sums of amounts by wallet, of amounts by slot."""
    require_summable(amounts)
    running = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(amounts)])
    past = operations.firsts + operations.wallets.operations
    sums: Integers = running[past] - running[operations.firsts]
    return sums
