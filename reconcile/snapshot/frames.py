"""What each frame of this room must look like, checked whenever one enters or leaves a pass.

No float column exists here: amounts are int64 minor units, ids are text, instants are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Kind = Literal[
    "int64", "Int64", "str", "text", "bool", "boolean", "category", "instant", "moment"
]


#: What kinds are called in pandas, where that is another name.
_DTYPES = {"instant": "datetime64[us, UTC]", "moment": "datetime64[us, UTC]", "text": "str"}


class FrameWrong(AssertionError):
    """A frame does not have the shape its pass promises: a defect of ours, never bad input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameShape:
    """Columns with their kinds, and which of them must be unique together.

    Attributes:
        unique: columns whose combination names a row at most once; empty: no promise.
    """

    name: str
    columns: Mapping[str, Kind]
    unique: tuple[str, ...] = ()

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame itself, proven to have this shape.

        Raises:
            FrameWrong: a column is absent, extra, of another kind, or null; or rows repeat.
        """
        if list(frame.columns) != list(self.columns):
            raise FrameWrong(f"{self.name}: columns {list(frame.columns)}")
        for (column, kind), dtype in zip(self.columns.items(), frame.dtypes, strict=True):
            if not _is_kind(dtype, kind):
                raise FrameWrong(f"{self.name}.{column}: {dtype} where {kind} belongs")
            # Only these kinds can hold a null that nobody meant.
            if kind in {"str", "category", "instant"} and frame[column].array.isna().any():
                raise FrameWrong(f"{self.name}.{column}: a value is missing")
        if self.unique and self._repeats(frame):
            raise FrameWrong(f"{self.name}: {self.unique} repeat")
        return frame

    def empty(self) -> pd.DataFrame:
        """No rows of this shape."""
        return pd.DataFrame(
            {
                name: pd.Series([], dtype=_DTYPES.get(kind, kind))
                for name, kind in self.columns.items()
            }
        )

    def _repeats(self, frame: pd.DataFrame) -> bool:
        table = pa.table({name: pa.array(frame[name]) for name in self.unique})
        distinct = table.group_by(list(self.unique), use_threads=False).aggregate([])
        return bool(distinct.num_rows < table.num_rows)


@cache
def _is_kind(dtype: object, kind: Kind) -> bool:
    if kind in {"instant", "moment"}:
        return isinstance(dtype, pd.DatetimeTZDtype) and str(dtype.tz) == "UTC"
    if kind == "category":
        return isinstance(dtype, pd.CategoricalDtype)
    # Text and moments are what may be absent where ``str`` and ``instant`` may not.
    return str(dtype) == ("str" if kind == "text" else kind)


#: Fixed-width rows of one side, ordered by ``match_key``: enough to see what agrees.
#: ``who`` is a 64-bit hash of the player; ``odd`` asks for a closer look whatever the amounts.
KEYS = FrameShape(
    name="keys",
    columns={
        "match_key": "int64",
        "stake": "int64",
        "payout": "int64",
        "currency": "category",
        "who": "int64",
        "odd": "bool",
    },
)

#: Full rows of one side, as stored: rounds of ours, records of the provider's. A round's
#: balances are those before its first and after its last operation. ``declared_stake`` and
#: ``declared_payout`` are the control totals that a bet end named. ``holds`` are bits of the
#: kinds of operation that a row holds (null: not known), ``young`` those of its movements that
#: the other side need not know of yet; see ``vocabulary.maturity`` and
#: ``reconcile.snapshot.immature``.
RECORDS = FrameShape(
    name="records",
    columns={
        "match_key": "int64",
        "round_id": "str",
        "record_id": "str",
        "occurrence": "int64",
        "player": "str",
        "currency": "str",
        "stake": "int64",
        "payout": "int64",
        "rolled_back": "bool",
        "declared_net": "Int64",
        "balance_before": "Int64",
        "balance_after": "Int64",
        "declared_stake": "Int64",
        "declared_payout": "Int64",
        "began": "instant",
        "at": "instant",
        "overdue": "bool",
        "inside": "bool",
        "holds": "Int64",
        "young": "text",
    },
    unique=("record_id", "currency", "occurrence"),
)

#: One side's view of its rounds, one row per (round, currency). ``stake`` and ``payout`` leave
#: repeated lines out; those are ``extra_stake`` and ``extra_payout``. The ``wrong_*`` columns
#: quote the first record that contradicts itself. ``beyond``: no record of the round, on either
#: side, lies in the window.
VIEW = FrameShape(
    name="view",
    columns={
        "round_id": "str",
        "currency": "str",
        "match_key": "int64",
        "player": "str",
        "players": "int64",
        "stake": "int64",
        "payout": "int64",
        "extra_stake": "int64",
        "extra_payout": "int64",
        "records": "int64",
        "extras": "int64",
        "rolled_back": "bool",
        "balance_before": "Int64",
        "balance_after": "Int64",
        "declared_stake": "Int64",
        "declared_payout": "Int64",
        "began": "instant",
        "at": "instant",
        "overdue": "bool",
        "holds": "int64",
        "young": "text",
        "wrong": "bool",
        "wrong_net": "Int64",
        "wrong_declared": "Int64",
        "wrong_before": "Int64",
        "wrong_after": "Int64",
        "beyond": "bool",
    },
    unique=("round_id", "currency"),
)

#: What a tolerance let pass of each round, in minor units as owed to the player; never zero.
RESIDUALS = FrameShape(
    name="residuals",
    columns={"round_id": "str", "currency": "str", "match_key": "int64", "minor": "int64"},
    unique=("round_id", "currency"),
)

#: What names a row of PAIRS.
PAIR_NAME = ("round_id", "currency", "match_key")


def _paired() -> dict[str, Kind]:
    nullable: dict[Kind, Kind] = {"int64": "Int64", "bool": "boolean", "str": "text"}
    columns: dict[str, Kind] = {"round_id": "str", "currency": "str", "match_key": "int64"}
    for side in ("ours", "theirs"):
        for name, kind in VIEW.columns.items():
            if name not in PAIR_NAME:
                told = "moment" if kind == "instant" else nullable.get(kind, kind)
                columns[f"{name}_{side}"] = told
    return {**columns, "side": "str", "alias": "str", "tie": "str", "group": "str"}


#: Both views side by side; columns of VIEW with suffixes, null where a side is silent.
#: ``side`` is both, ours or theirs. ``alias`` is the provider's name of a round that was not
#: tied by name. ``tie`` is the pass that put the row together with its counterpart, empty where
#: none did; rows of one ``group`` answer for each other as a whole.
PAIRS = FrameShape(name="pairs", columns=_paired(), unique=("round_id", "currency"))
