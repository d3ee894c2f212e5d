"""Rows of one side that no name ties, as arrays: what the passes by attributes look at."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.snapshot.arrays import Amounts, Flags, Places, instants, known, numbers, words


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedRows:
    """The rows of a PAIRS frame, in its order.

    Attributes:
        ours: where a row is ours; theirs otherwise.
        who: the player and currency, as a number.
        before: the balance before the round, where ``told``.
        at: when the round began, in microseconds.
        plain: no line is told twice.
        single: of one player.
    """

    ours: Flags
    who: Amounts
    stake: Amounts
    payout: Amounts
    before: Amounts
    told: Flags
    at: Amounts
    plain: Flags
    single: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """What a pass ties, as places of rows.

    Attributes:
        first, second: rows of ours and of theirs that are one, element by element.
        runs: rows that stand for each other as a whole, the one row first.
        unsure: rows left over of which nobody can say whether they are the ones left over.
    """

    first: Places
    second: Places
    runs: tuple[tuple[int, ...], ...] = ()
    unsure: Places = field(default_factory=lambda: np.zeros(0, dtype=np.intp))


def loose_of(pairs: pd.DataFrame) -> UnmatchedRows:
    """The rows of a PAIRS frame whose rows are all one-sided."""
    ours = known(pairs["records_ours"])

    def either(name: str) -> Amounts:
        mine, yours = (numbers(pairs[f"{name}_{side}"]) for side in ("ours", "theirs"))
        return np.where(ours, mine, yours)

    mine, yours = (known(pairs[f"balance_before_{side}"]) for side in ("ours", "theirs"))
    began = [instants(pairs[f"began_{side}"]) for side in ("ours", "theirs")]
    return UnmatchedRows(
        ours=ours,
        who=_who(pairs),
        stake=either("stake"),
        payout=either("payout"),
        before=either("balance_before"),
        told=np.where(ours, mine, yours),
        at=np.where(ours, *began),
        plain=either("extras") == 0,
        single=either("players") == 1,
    )


def _who(pairs: pd.DataFrame) -> Amounts:
    player = pairs["player_ours"].fillna(pairs["player_theirs"])
    codes, money = (_codes(words(column)) for column in (player, pairs["currency"]))
    return codes * (int(money.max(initial=0)) + 1) + money


def _codes(told: pa.Array) -> Amounts:
    codes: Amounts = told.dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes
