"""One pass over the wallets of a scope: which promises hold of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ledger.checks.check import WalletScope
from ledger.checks.together import chains, codes
from ledger.checks.together.books import (
    BatchCounts,
    Batches,
    NotProven,
    Operations,
    Wallets,
    operations_query,
    require,
)
from ledger.checks.together.columns import Block, BlockQuery, Flags, Integers
from ledger.checks.together.entries import EntryProof, entries_query
from ledger.checks.together.reading import BlockSource
from ledger.checks.together.rounds import RoundProof, joined_rounds, rounds_query
from ledger.enums import OWN_SLUG, OperationKind

_OURS = (OperationKind.DEPOSIT, OperationKind.WITHDRAWAL, OperationKind.ADJUSTMENT)
# Besides what a proof misses: a null, or a value of another length, is no integer.
UNPROVEN = (NotProven, ValueError)


@dataclass(frozen=True, slots=True)
class ProvenPass:
    """The checks of wallets that hold of a pass.

    Attributes:
        wallet_ids: ascending.
        counts: by check, how many rows it covers, by wallet.
    """

    wallet_ids: Integers
    counts: Mapping[str, Integers]


@dataclass(frozen=True, slots=True)
class BookPart:
    """Wallets, and where the blocks of their rows come from: of ``pass_queries``."""

    wallets: Wallets
    source: BlockSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the passes of a scope share.

    Attributes:
        lists: the texts of the books.
        batches: those of the scope.
        batch_counts: filled by the passes.
        is_whole: whether no row of any month left, so that rounds can be proven.
    """

    lists: codes.Lists
    batches: Batches
    batch_counts: BatchCounts
    is_whole: bool


def pass_queries(scope: WalletScope, books: Books) -> dict[str, BlockQuery]:
    """What is read of the tables of a scope, by table.

    Args:
        scope: a range of wallets or all, from the first position or from a month end on.
        books: rounds are read only if these are whole.
    """
    queries = [operations_query(scope, books.lists), entries_query(scope, books.lists)]
    if books.is_whole:
        queries.append(rounds_query(scope, books.lists))
    return {query.table: query for query in queries}


def prove_pass(part: BookPart, books: Books) -> ProvenPass:
    """Prove what holds of the rows of some wallets.

    Raises:
        NotProven: positions of a chain do not run, or an operation fits no wallet or batch.
        ValueError: a column has a null.
    """
    lists, is_whole, source = books.lists, books.is_whole, part.source
    operations = Operations(part.wallets, books.batches, books.batch_counts)
    rounds: list[Block] = []
    if is_whole:
        source.read({"operations": operations.add, "rounds": rounds.append})
    else:
        source.read({"operations": operations.add})
    require(chains.positions_run(operations) and chains.currencies_fit(operations))
    entries = _proven_entries(source, operations)
    counts = _of_chains(operations, lists)
    if entries is not None:
        counts["operations_posted_once"] = operations.wallets.operations
        if is_whole or not codes.ENTRIES_LEFT.is_set(operations.code).any():
            counts |= _of_all_entries(operations, entries)
    if is_whole:
        counts |= _of_rounds(operations, rounds, lists, entries)
    return ProvenPass(operations.wallets.ids, counts)


def _proven_entries(source: BlockSource, operations: Operations) -> EntryProof | None:
    """The entries, if they are those of the rules."""
    proof = EntryProof(operations)
    try:
        source.read({"entries": proof.add})
    except UNPROVEN:
        return None
    return proof if proof.holds() else None


def _of_chains(operations: Operations, lists: codes.Lists) -> dict[str, Integers]:
    """The checks of chains that hold. Positions run, and currencies fit."""
    of_wallet, one = operations.wallets.operations, np.ones_like(operations.firsts)
    holding = {
        "operations_fit_their_wallet": (True, of_wallet),
        "chains_have_no_gap": (chains.balances_follow(operations), of_wallet),
        "wallets_end_their_chain": (chains.wallets_end_their_chain(operations), one),
        "wallets_count_their_chain": (chains.wallets_count_their_chain(operations), one),
        "orders_name_who_gave_them": (not _ours(operations, lists).any(), one - 1),
    }
    return {name: counts for name, (holds, counts) in holding.items() if holds}


def _of_all_entries(operations: Operations, entries: EntryProof) -> dict[str, Integers]:
    """The checks that hold of entries, if the rows of all are there."""
    counts = {"entries_sum_to_zero": entries.counts, "sweeps_are_whole": entries.sweep_counts}
    if entries.wallets_equal_entries():
        counts["wallets_equal_entries"] = np.ones_like(operations.firsts)
    return counts


def _of_rounds(
    operations: Operations,
    blocks: Sequence[Block],
    lists: codes.Lists,
    entries: EntryProof | None,
) -> dict[str, Integers]:
    """The checks of rounds that hold."""
    try:
        rounds = joined_rounds(blocks)
        proof = RoundProof(operations, rounds, lists)
        numbers = operations.wallets.numbers(rounds.wallet_id)
    except NotProven:
        return {}
    counts = np.bincount(numbers, minlength=len(operations.firsts)).astype(np.int64)
    holding = {
        "rounds_equal_operations": proof.rounds_equal_operations(),
        "ended_rounds_are_clear": entries is not None
        and proof.ended_rounds_are_clear(entries.clearing),
    }
    return {name: counts for name, holds in holding.items() if holds}


def _ours(operations: Operations, lists: codes.Lists) -> Flags:
    """Which operations follow from somebody's order: accepted, ours, and no opening balance."""
    code = operations.code
    ours = codes.is_kind(code, *_OURS)
    ours |= codes.PROVIDER.equals(code, lists.providers.number(OWN_SLUG))
    return ours & codes.accepted(code) & ~codes.OPENING.is_set(code)
