"""Rounds against the sums of their operations, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ledger.checks.check import WalletScope
from ledger.checks.together import codes
from ledger.checks.together.books import (
    Declared,
    Operations,
    Texts,
    require,
    require_small,
    require_summable,
    texts_of,
)
from ledger.checks.together.columns import SEPARATOR, Block, BlockQuery, Flags, Integers
from ledger.enums import OWN_SLUG, OperationKind

_ROUNDS = """
       array_agg(t.match_key), array_agg(t.wallet_id), array_agg(t.stake), array_agg(t.payout),
       array_agg(t.swept), array_agg(t.first_at), array_agg(t.last_at),
       array_agg((t.bets::bigint << 32) + t.wins), array_agg({code}),
       array_agg(t.declared_stake) FILTER (WHERE t.declared_stake IS NOT NULL),
       array_agg(t.declared_payout) FILTER (WHERE t.declared_payout IS NOT NULL),
       string_agg(t.round_id, '{separator}')
"""
_BETS = (OperationKind.BET, OperationKind.BET_AND_WIN)
_WINS = (OperationKind.WIN, OperationKind.BET_AND_WIN)
_NONE: Integers = np.empty(0, dtype=np.int64)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds of a scope, in the order in which they were read."""

    match_key: Integers
    wallet_id: Integers
    stake: Integers
    payout: Integers
    swept: Integers
    first_at: Integers
    last_at: Integers
    bets_and_wins: Integers
    code: Integers
    stakes_declared: Declared
    payouts_declared: Declared
    round_ids: Texts


def rounds_query(scope: WalletScope, lists: codes.Lists) -> BlockQuery:
    """What is read of rounds."""
    code = lists.packed(
        codes.flagged("t.ended", codes.ENDED),
        codes.flagged("t.declared_stake IS NOT NULL", codes.ROUND_DECLARES_STAKE),
        codes.flagged("t.declared_payout IS NOT NULL", codes.ROUND_DECLARES_PAYOUT),
        f"(t.rollbacks::bigint << {codes.ROLLBACKS.shift})",
    )
    columns = _ROUNDS.format(code=code, separator=SEPARATOR)
    return BlockQuery("rounds", columns, scope.rows("rounds"), texts=True)


def joined_rounds(blocks: Sequence[Block]) -> Rounds:
    """The rounds of all blocks.

    Raises:
        NotProven: an amount or an id is one that this proof does not take.
    """
    match_key, wallet_id, stake, payout, swept, first_at, last_at, counts, code = (
        np.concatenate([_NONE, *(block.columns[number] for block in blocks)])
        for number in range(9)
    )
    require_small((stake, payout, swept))
    return Rounds(
        match_key=match_key,
        wallet_id=wallet_id,
        stake=stake,
        payout=payout,
        swept=swept,
        first_at=first_at,
        last_at=last_at,
        bets_and_wins=counts,
        code=code,
        stakes_declared=_declared(blocks, 9, codes.ROUND_DECLARES_STAKE),
        payouts_declared=_declared(blocks, 10, codes.ROUND_DECLARES_PAYOUT),
        round_ids=_round_ids(blocks),
    )


def _declared(blocks: Sequence[Block], column: int, flag: codes.Field) -> Declared:
    """The control totals of the rounds whose flag is set."""
    declared, before = Declared(), 0
    for block in blocks:
        code = block.columns[8]
        declared.add(np.flatnonzero(flag.is_set(code)) + before, block.columns[column])
        before += len(code)
    return declared


def _round_ids(blocks: Sequence[Block]) -> Texts:
    starts, lengths, before = [_NONE], [_NONE], 0
    for block in blocks:
        texts = texts_of(block.texts, len(block.columns[8]))
        starts.append(texts.starts + before)
        lengths.append(texts.lengths)
        before += len(block.texts)
    buffer = b"".join(block.texts for block in blocks)
    return Texts(buffer, np.concatenate(starts), np.concatenate(lengths))


class RoundProof:
    """The operations of each round, beside it.

    Each operation that counts is in the round that its match key and wallet name. Pairing takes
    a number made of both, so each pair is then compared by what made it, and by round id.

    Attributes:
        slots: of operations, those of a round side by side.
        firsts: where in ``slots`` each round begins.
        order: of rounds, in the order of ``firsts``.
        number: of each of ``slots``, its round.

    Raises:
        NotProven: a round has no operation, or an operation no round.
    """

    def __init__(self, operations: Operations, rounds: Rounds, lists: codes.Lists) -> None:
        self._operations, self._rounds = operations, rounds
        counted = np.flatnonzero(_counted(operations, lists))
        wallet_ids = operations.wallets.ids[operations.wallet[counted]]
        key = _pairing(operations.match_key[counted], wallet_ids)
        by_key = np.argsort(key)
        self.slots: Integers = counted[by_key]
        keys = key[by_key]
        begins = np.ones(len(keys), dtype=np.bool_)
        begins[1:] = keys[1:] != keys[:-1]
        self.firsts: Integers = np.flatnonzero(begins)
        round_keys = _pairing(rounds.match_key, rounds.wallet_id)
        self.order: Integers = np.argsort(round_keys)
        require(np.array_equal(round_keys[self.order], keys[self.firsts]))
        self.number: Integers = self.order[np.cumsum(begins) - 1]
        self._require_pairs(wallet_ids[by_key])

    def rounds_equal_operations(self) -> bool:
        """Whether each round's figures are those of its operations."""
        rounds, operations, order, slots = (
            self._rounds,
            self._operations,
            self.order,
            self.slots,
        )
        code = operations.code[slots]
        received = operations.received[slots]
        bets, wins = (codes.is_kind(code, *kinds).astype(np.int64) for kinds in (_BETS, _WINS))
        rollbacks = codes.is_kind(code, OperationKind.ROLLBACK).astype(np.int64)
        equal = (
            (rounds.stake[order] == self._sums(operations.stake[slots])).all(),
            (rounds.payout[order] == self._sums(operations.payout[slots])).all(),
            (rounds.bets_and_wins[order] == self._sums((bets << 32) + wins)).all(),
            (codes.ROLLBACKS.of(rounds.code)[order] == self._sums(rollbacks)).all(),
            (self._ended(code) == codes.ENDED.is_set(rounds.code)[order]).all(),
            (self._reduced(np.minimum, received) == rounds.first_at[order]).all(),
            (self._reduced(np.maximum, received) == rounds.last_at[order]).all(),
        )
        return all(bool(figure) for figure in equal) and self._declared_as_stated()

    def ended_rounds_are_clear(self, clearing: Integers) -> bool:
        """Whether clearing is what was staked less paid and swept, and all of it if ended.

        Args:
            clearing: of each slot, what its entries put into clearing.
        """
        rounds, slots = self._rounds, self.slots
        due = rounds.stake - rounds.payout
        clear = self._sums(clearing[slots]) == (due - rounds.swept)[self.order]
        ended = codes.ENDED.is_set(rounds.code)
        return bool(clear.all()) and bool((~ended | (rounds.swept == due)).all())

    def _require_pairs(self, wallet_ids: Integers) -> None:
        """Require that each operation is in the round that it names."""
        rounds, operations, number = self._rounds, self._operations, self.number
        code = codes.PROVIDER_AND_CURRENCY
        require((operations.match_key[self.slots] == rounds.match_key[number]).all())
        require((wallet_ids == rounds.wallet_id[number]).all())
        require((code.of(operations.code[self.slots]) == code.of(rounds.code)[number]).all())
        require(_equal_texts(operations.round_ids, self.slots, rounds.round_ids, number))

    def _declared_as_stated(self) -> bool:
        """Whether a round's control total is one that its operations declare, if any does."""
        operations, rounds = self._operations, self._rounds
        number_of_slot = np.full(operations.count, -1, dtype=np.int64)
        number_of_slot[self.slots] = self.number
        pairs = (
            (operations.stakes_declared, rounds.stakes_declared),
            (operations.payouts_declared, rounds.payouts_declared),
        )
        for declared, stated in pairs:
            slots, amounts = declared.joined()
            numbers = number_of_slot[slots]
            if not _are_declared(*stated.joined(), numbers, amounts, len(rounds.code)):
                return False
        return True

    def _ended(self, code: Integers) -> Flags:
        ends: Flags = self._reduced(np.maximum, codes.ENDS_ROUND.of(code)) > 0
        return ends

    def _sums(self, column: Integers) -> Integers:
        require_summable(column)
        return self._reduced(np.add, column)

    def _reduced(self, ufunc: np.ufunc, column: Integers) -> Integers:
        if not len(self.firsts):
            return np.empty(0, dtype=np.int64)
        reduced: Integers = ufunc.reduceat(column, self.firsts)
        return reduced


def _counted(operations: Operations, lists: codes.Lists) -> Flags:
    """Which operations are those of a round: accepted, posted, and a provider's."""
    code = operations.code
    counted = codes.accepted(code) & codes.POSTED.is_set(code)
    return counted & ~codes.PROVIDER.equals(code, lists.providers.number(OWN_SLUG))


def _pairing(match_key: Integers, wallet_id: Integers) -> "np.typing.NDArray[np.uint64]":
    """A number of a match key and a wallet; others may have the same."""
    return match_key.view(np.uint64) + wallet_id.view(np.uint64) * _SPREAD


def _are_declared(
    stating: Integers, totals: Integers, numbers: Integers, amounts: Integers, count: int
) -> bool:
    """Whether rounds state a total exactly where an operation declares one, and one of those.

    Args:
        stating: numbers of the rounds that state one.
        totals: what they state.
        numbers: by declaration, the number of its round; negative: it counts in none.
        amounts: what they declare.
        count: of all rounds.
    """
    numbers, amounts = numbers[numbers >= 0], amounts[numbers >= 0]
    total = np.zeros(count, dtype=np.int64)
    total[stating] = totals
    states, declared, equal = (np.zeros(count, dtype=np.bool_) for _ in range(3))
    states[stating] = True
    declared[numbers] = True
    equal[numbers[amounts == total[numbers]]] = True
    return bool((states == declared).all()) and bool((equal | ~states).all())


def _equal_texts(ours: Texts, rows: Integers, theirs: Texts, other_rows: Integers) -> bool:
    """Whether texts of some rows equal those of other rows, pair by pair."""
    lengths = ours.lengths[rows]
    if not (lengths == theirs.lengths[other_rows]).all():
        return False
    starts, other_starts = ours.starts[rows], theirs.starts[other_rows]
    for length in np.unique(lengths[lengths > 0]):
        pairs = lengths == length
        left = _runs(ours.buffer, int(length))[starts[pairs]]
        right = _runs(theirs.buffer, int(length))[other_starts[pairs]]
        if not (left == right).all():
            return False
    return True


def _runs(buffer: bytes, length: int) -> "np.ndarray[tuple[int], np.dtype[np.bytes_]]":
    """Every run of so many bytes, without copying them. No text contains the byte 0."""
    count = len(buffer) - length + 1
    return np.ndarray((count,), dtype=f"S{length}", buffer=buffer, strides=(1,))
