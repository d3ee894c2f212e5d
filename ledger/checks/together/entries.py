"""Entries against the posting rules, block by block, and what they sum to."""

from dataclasses import dataclass
from itertools import product
from threading import Lock
from typing import Final

import numpy as np

from ledger.checks.check import WalletScope
from ledger.checks.together import chains, codes
from ledger.checks.together.books import (
    SUM_MAX,
    Operations,
    require,
    require_small,
    rounded_size,
)
from ledger.checks.together.columns import Block, BlockQuery, Flags, Integers
from ledger.enums import Account, OperationKind
from ledger.posting.rules import LEGS, SWEEP_CLEARING_LEG, SWEEP_GGR_LEG, Movement, entries_of
from vocabulary.facts import Fund

_ENTRIES = """
       array_agg(t.wallet_id), array_agg(t.match_key), array_agg(t.amount), array_agg({code})
"""
#: The fields of ``Movement`` that legs take their amounts from.
_AMOUNTS: Final = ("stake", "payout", "funding", "owed")
_LEGS_MAX = 16
_CLEARING, _GGR = map(codes.ACCOUNTS.index, (Account.PROVIDER_CLEARING, Account.GGR))
_OF_PLAYERS = [
    codes.ACCOUNTS.index(account)
    for account in (Account.PLAYER_WALLET, Account.PLAYER_RECEIVABLE)
]


@dataclass(frozen=True, slots=True)
class LegRules:
    """The posting rules as tables that numbers select from.

    Attributes:
        amount: by leg, the place of its amount in ``_AMOUNTS``; -1: no leg of the rules.
        sign: by leg.
        account: by leg, fund, whether the operation is a correction, and whether it ends its
            round: the number of the account.
    """

    amount: Integers
    sign: Integers
    account: Integers


def leg_rules() -> LegRules:
    """The rules of ``ledger.posting.rules``, asked with each combination."""
    amount = np.full(_LEGS_MAX, -1, dtype=np.int64)
    sign = np.zeros(_LEGS_MAX, dtype=np.int64)
    for leg in LEGS:
        amount[leg.number], sign[leg.number] = _AMOUNTS.index(leg.amount), leg.sign
    account = np.zeros((_LEGS_MAX, len(Fund), 2, 2), dtype=np.int64)
    for fund, adjusts, ends in product(codes.FUNDS, (False, True), (False, True)):
        movement = Movement(
            stake=1, payout=1, funding=1, owed=1, ends_round=ends, fund=fund, adjusts=adjusts
        )
        place = codes.FUNDS.index(fund), int(adjusts), int(ends)
        for entry in entries_of(movement):
            account[(entry.leg, *place)] = codes.ACCOUNTS.index(entry.account)
    return LegRules(amount, sign, account)


class EntryProof:
    """Compares blocks of entries with operations, and adds up what the rest of the proof needs.

    Blocks may be added by several threads. All operations are in their slots.

    Attributes:
        counts, sweep_counts: of each wallet, its entries and those of sweeps.
        clearing: of each slot, what its entries put into clearing.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations, self._rules, self._lock = operations, leg_rules(), Lock()
        self._amounts = _movements(operations)
        self._due = (
            codes.accepted(operations.code)
            & codes.POSTED.is_set(operations.code)
            & ~codes.ENTRIES_LEFT.is_set(operations.code)
        )
        wallets = len(operations.wallets.ids)
        self.counts: Integers = np.zeros(wallets, dtype=np.int64)
        self.sweep_counts: Integers = np.zeros(wallets, dtype=np.int64)
        self.clearing: Integers = np.zeros(operations.count, dtype=np.int64)
        self._total = np.zeros(operations.count, dtype=np.int64)
        self._by_wallet: Integers = np.zeros(wallets, dtype=np.int64)
        self._sweep_legs = np.zeros(operations.count, dtype=np.int64)
        self._sizes = 0

    def add(self, block: Block) -> None:
        """Compare a block with the rules.

        Raises:
            NotProven: an entry is not the one that its leg should be.
        """
        wallet_ids, match_key, amount, code = block.columns
        require_small([amount])
        operations = self._operations
        slots = operations.slots(wallet_ids, code >> codes.POSITION.shift)
        shared = codes.PROVIDER_AND_CURRENCY.of(code)
        require((shared == codes.PROVIDER_AND_CURRENCY.of(operations.code[slots])).all())
        require((codes.PROVIDER.is_set(code) & codes.CURRENCY.is_set(code)).all())
        require((match_key == operations.match_key[slots]).all())
        leg, account = codes.LEG.of(code), codes.ACCOUNT.of(code)
        is_sweep = (leg == SWEEP_CLEARING_LEG) | (leg == SWEEP_GGR_LEG)
        by_rule = ~is_sweep
        self._require_rules(slots[by_rule], leg[by_rule], account[by_rule], amount[by_rule])
        self._require_sweeps(slots[is_sweep], leg[is_sweep], account[is_sweep])
        with self._lock:
            self._add_up(slots, account, amount, is_sweep)

    def holds(self) -> bool:
        """Whether the blocks were all entries that are due, and sum to zero by operation."""
        due = sum(
            int((self._amounts[self._rules.amount[leg.number]][self._due] != 0).sum())
            for leg in LEGS
        )
        sweeps_are_whole = ((self._sweep_legs == 0) | (self._sweep_legs == 2)).all()
        ruled = int((self.counts - self.sweep_counts).sum())
        return ruled == due and bool(sweeps_are_whole) and not self._total.any()

    def wallets_equal_entries(self) -> bool:
        """Whether each balance is the sum of its entries and of what is not posted."""
        wallets = self._operations.wallets
        unposted = chains.unposted_by_wallet(self._operations)
        booked = wallets.balance_before + self._by_wallet + unposted
        return bool((wallets.balance == booked).all())

    def _require_rules(
        self, slots: Integers, leg: Integers, account: Integers, amount: Integers
    ) -> None:
        """Require that entries other than sweeps are those that the rules give."""
        require((leg < _LEGS_MAX).all())
        place = self._rules.amount[leg]
        require((place >= 0).all() and self._due[slots].all())
        require((amount == self._rules.sign[leg] * self._amounts[place, slots]).all())
        code = self._operations.code[slots]
        adjusts = codes.is_kind(code, OperationKind.ADJUSTMENT).astype(np.int64)
        ends = codes.ENDS_ROUND.of(code)
        require((account == self._rules.account[leg, codes.FUND.of(code), adjusts, ends]).all())

    def _require_sweeps(self, slots: Integers, leg: Integers, account: Integers) -> None:
        """Require that entries of sweeps are in their account, with a posted operation."""
        code = self._operations.code[slots]
        require((codes.accepted(code) & codes.POSTED.is_set(code)).all())
        require((account == np.where(leg == SWEEP_CLEARING_LEG, _CLEARING, _GGR)).all())

    def _add_up(
        self, slots: Integers, account: Integers, amount: Integers, is_sweep: Flags
    ) -> None:
        wallet = self._operations.wallet[slots]
        self.counts += np.bincount(wallet, minlength=len(self.counts))
        self.sweep_counts += np.bincount(wallet[is_sweep], minlength=len(self.counts))
        self._sizes += rounded_size(amount)
        require(self._sizes < SUM_MAX)
        np.add.at(self._total, slots, amount)
        np.add.at(self._sweep_legs, slots[is_sweep], 1)
        in_clearing = account == _CLEARING
        np.add.at(self.clearing, slots[in_clearing], amount[in_clearing])
        of_player = np.isin(account, _OF_PLAYERS)
        np.add.at(self._by_wallet, wallet[of_player], amount[of_player])


def entries_query(scope: WalletScope, lists: codes.Lists) -> BlockQuery:
    """What is read of entries."""
    packed = lists.packed(
        codes.enumerated("t.account", codes.ACCOUNTS, codes.ACCOUNT),
        f"((t.leg::bigint & 65535) << {codes.LEG.shift})",
    )
    columns = _ENTRIES.format(code=codes.with_position(packed))
    return BlockQuery("entries", columns, scope.rows("entry_rows"))


def _movements(operations: Operations) -> Integers:
    """The amounts of the rules, a row each, by slot."""
    balance, amount = operations.balance, operations.amount
    rows = {
        "stake": operations.stake,
        "payout": operations.payout,
        "funding": amount - operations.payout + operations.stake,
        "owed": np.minimum(balance, 0) - np.minimum(balance - amount, 0),
    }
    return np.stack([rows[name] for name in _AMOUNTS])
