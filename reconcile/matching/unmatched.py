"""Unmatched rows as arrays: the input of the passes by attributes, and their result."""

from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.snapshot.arrays import (
    Amounts,
    Flags,
    Positions,
    arrow_text,
    integers,
    microseconds,
    present,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedRows:
    """The rows of a PAIRS frame of one-sided rows, in its order.

    Attributes:
        ours: flags our rows; the others are the provider's.
        player_currency: the player and currency as one number.
        before: the balance before the round, valid where ``has_before``.
        began_us: when the round began, in microseconds since 1970.
        no_repeats: no line of the round is repeated.
        one_player: the round has one player.
    """

    ours: Flags
    player_currency: Amounts
    stake: Amounts
    payout: Amounts
    before: Amounts
    has_before: Flags
    began_us: Amounts
    no_repeats: Flags
    one_player: Flags

    def take(self, positions: Positions) -> "UnmatchedRows":
        """Return the rows at these positions."""
        columns = {part.name: getattr(self, part.name)[positions] for part in fields(self)}
        return UnmatchedRows(**columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """What one pass ties together, as positions of rows.

    Attributes:
        first, second: rows of ours and of the provider that match, element by element.
        groups: rows that match as a group: one row of a side first, then those of the other.
        unsure: unmatched rows for which another row might as well have stayed unmatched.
    """

    first: Positions
    second: Positions
    groups: tuple[tuple[int, ...], ...] = ()
    unsure: Positions = field(default_factory=lambda: np.zeros(0, dtype=np.intp))


def unmatched_rows(pairs: pd.DataFrame) -> UnmatchedRows:
    """Read a PAIRS frame that holds one-sided rows only."""
    ours = present(pairs["records_ours"])

    def value(name: str) -> Amounts:
        our_values, their_values = (
            integers(pairs[f"{name}_{side}"]) for side in ("ours", "theirs")
        )
        return np.where(ours, our_values, their_values)

    has_before = [present(pairs[f"balance_before_{side}"]) for side in ("ours", "theirs")]
    began = [microseconds(pairs[f"began_{side}"]) for side in ("ours", "theirs")]
    return UnmatchedRows(
        ours=ours,
        player_currency=_player_currency(pairs),
        stake=value("stake"),
        payout=value("payout"),
        before=value("balance_before"),
        has_before=np.where(ours, *has_before),
        began_us=np.where(ours, *began),
        no_repeats=value("extras") == 0,
        one_player=value("players") == 1,
    )


def _player_currency(pairs: pd.DataFrame) -> Amounts:
    player = pairs["player_ours"].fillna(pairs["player_theirs"])
    players, currencies = (_codes(arrow_text(column)) for column in (player, pairs["currency"]))
    return players * (int(currencies.max(initial=0)) + 1) + currencies


def _codes(values: pa.Array) -> Amounts:
    codes: Amounts = values.dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes
