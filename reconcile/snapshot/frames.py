"""The shapes of all frames of a comparison, checked whenever a frame enters or leaves a pass.

No frame has a float column: amounts are int64 minor units, ids are text, instants are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from reconcile.snapshot.columns import Columns, Rows, array_of

Keys = NDArray[np.int64]
Kind = Literal[
    "int64", "Int64", "str", "text", "bool", "boolean", "category", "instant", "moment"
]


#: The pandas names of column kinds, where they differ.
_DTYPES = {"instant": "datetime64[us, UTC]", "moment": "datetime64[us, UTC]", "text": "str"}
_NEVER_NULL: frozenset[Kind] = frozenset({"str", "category", "instant"})
_Rows = TypeVar("_Rows", pd.DataFrame, Columns)


class FrameWrong(AssertionError):
    """A frame lacks the promised shape: a defect in this application, never bad input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameShape:
    """Column names with their kinds, and the columns that must be unique together.

    Attributes:
        unique: columns whose combination occurs at most once; empty: no such promise.
    """

    name: str
    columns: Mapping[str, Kind]
    unique: tuple[str, ...] = ()

    def check(self, frame: _Rows) -> _Rows:
        """Return the frame, or its columns, after checking that they have this shape.

        Raises:
            FrameWrong: a column is missing, unexpected, of another kind, or null, or rows
            repeat.
        """
        dtypes = _dtypes_of(frame)
        if list(dtypes) != list(self.columns):
            raise FrameWrong(f"{self.name}: columns {list(dtypes)}")
        for (column, kind), dtype in zip(self.columns.items(), dtypes.values(), strict=True):
            if not _is_kind(dtype, kind):
                raise FrameWrong(f"{self.name}.{column}: {dtype} where {kind} belongs")
            # Only these kinds can hold an unintended null.
            if kind in _NEVER_NULL and array_of(frame[column]).isna().any():
                raise FrameWrong(f"{self.name}.{column}: a value is missing")
        if self.unique and self._repeats(frame):
            raise FrameWrong(f"{self.name}: {self.unique} repeat")
        return frame

    def empty(self) -> pd.DataFrame:
        """Return a frame of this shape without rows."""
        return pd.DataFrame(
            {
                name: pd.Series([], dtype=_DTYPES.get(kind, kind))
                for name, kind in self.columns.items()
            }
        )

    def _repeats(self, frame: Rows) -> bool:
        if len(frame) < 2:
            return False
        table = pa.table({name: pa.array(array_of(frame[name])) for name in self.unique})
        distinct = table.group_by(list(self.unique), use_threads=False).aggregate([])
        return bool(distinct.num_rows < table.num_rows)


def _dtypes_of(frame: Rows) -> dict[str, Any]:
    if isinstance(frame, Columns):
        return {name: values.dtype for name, values in frame.arrays.items()}
    return dict(zip(frame.columns, frame.dtypes, strict=True))


def _is_kind(dtype: Any, kind: Kind) -> bool:
    # "text" and "moment" are the nullable counterparts of "str" and "instant".
    match kind:
        case "instant" | "moment":
            return isinstance(dtype, pd.DatetimeTZDtype) and str(dtype.tz) == "UTC"
        case "category":
            return isinstance(dtype, pd.CategoricalDtype)
        case "Int64":
            return isinstance(dtype, pd.Int64Dtype)
        case "boolean":
            return isinstance(dtype, pd.BooleanDtype)
        case "str" | "text":
            return isinstance(dtype, pd.StringDtype) and dtype.na_value is not pd.NA
        case "int64" | "bool":
            return bool(dtype == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The same kind of frame from either side."""

    ours: pd.DataFrame
    theirs: pd.DataFrame


#: Fixed-width rows of one side, ordered by ``match_key``: enough to find the rows that agree.
#: ``player_hash`` is a 64-bit hash of the player. An ``odd`` row is compared in full even if
#: its amounts agree.
KEYS = FrameShape(
    name="keys",
    columns={
        "match_key": "int64",
        "stake": "int64",
        "payout": "int64",
        "currency": "category",
        "player_hash": "int64",
        "odd": "bool",
    },
)


def same_currencies(
    ours: pd.DataFrame, theirs: pd.DataFrame, shape: FrameShape = KEYS
) -> Sides:
    """Give both sides the same currency categories, sorted."""
    codes = sorted({*ours["currency"].cat.categories, *theirs["currency"].cat.categories})
    return Sides(
        ours=shape.check(_recode(ours, codes)), theirs=shape.check(_recode(theirs, codes))
    )


def _recode(frame: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    currency = frame["currency"].cat
    if currency.categories.tolist() != codes:
        frame = frame.assign(currency=currency.set_categories(codes))
    return frame


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSides:
    """The columns of RECORDS from either side."""

    ours: Columns
    theirs: Columns

    @classmethod
    def of(cls, ours: Rows, theirs: Rows) -> "RecordSides":
        """Return the columns of two RECORDS frames."""
        return cls(ours=Columns.of(ours), theirs=Columns.of(theirs))


#: Key rows with what matching by attributes asks of most rows: when the row began, in
#: microseconds since 1970, and the balance before it, 0 unless ``has_before``. A row is
#: ``in_full`` if its key row does not tell all of that.
TIMED_KEYS = FrameShape(
    name="timed_keys",
    columns={
        **KEYS.columns,
        "began_us": "int64",
        "before": "int64",
        "has_before": "bool",
        "in_full": "bool",
    },
)

#: Rows of either side that are all that their side has of a round which the other side lacks.
SINGLES = FrameShape(
    name="singles",
    columns={
        "ours": "bool",
        "match_key": "int64",
        "player_hash": "int64",
        "currency": "str",
        "stake": "int64",
        "payout": "int64",
        "before": "int64",
        "has_before": "bool",
        "began_us": "int64",
    },
)

#: Full rows of one side: our rounds, or the provider's records. The balances are those before
#: the first and after the last operation of a round. ``declared_stake`` and ``declared_payout``
#: are the control totals that a bet end named. ``holds`` has a bit for each kind of operation
#: in the row (null: unknown), see ``vocabulary.maturity``. ``immature`` lists the movements
#: that the other side need not report yet, see ``reconcile.snapshot.immature``.
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
        "immature": "text",
    },
    unique=("record_id", "currency", "occurrence"),
)

#: One side's view of its rounds: one row per round and currency. ``stake`` and ``payout``
#: exclude repeated lines, which are summed in ``extra_stake`` and ``extra_payout``. The
#: ``wrong_*`` columns quote the first record that contradicts itself. An ``edge`` row has no
#: record of either side in the window.
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
        "immature": "text",
        "wrong": "bool",
        "wrong_net": "Int64",
        "wrong_declared": "Int64",
        "wrong_before": "Int64",
        "wrong_after": "Int64",
        "edge": "bool",
    },
    unique=("round_id", "currency"),
)

#: The accepted difference of each round within the tolerance, in minor units as owed to the
#: player; never zero.
RESIDUALS = FrameShape(
    name="residuals",
    columns={"round_id": "str", "currency": "str", "match_key": "int64", "minor": "int64"},
    unique=("round_id", "currency"),
)

#: The columns that identify a row of PAIRS.
PAIR_NAME = ("round_id", "currency", "match_key")


def _pair_columns() -> dict[str, Kind]:
    nullable: dict[Kind, Kind] = {
        "int64": "Int64",
        "bool": "boolean",
        "str": "text",
        "instant": "moment",
    }
    columns: dict[str, Kind] = {"round_id": "str", "currency": "str", "match_key": "int64"}
    for side in ("ours", "theirs"):
        for name, kind in VIEW.columns.items():
            if name not in PAIR_NAME:
                columns[f"{name}_{side}"] = nullable.get(kind, kind)
    return {**columns, "side": "str", "alias": "str", "tie": "str", "group": "str"}


#: Both views side by side: the columns of VIEW with a suffix per side, null if the side has no
#: row. ``side`` is both, ours or theirs. ``alias`` is the provider's round id if it differs
#: from ours. ``tie`` names the pass that matched the row, empty for an unmatched row. Rows of
#: one ``group`` are matched as a whole.
PAIRS = FrameShape(name="pairs", columns=_pair_columns(), unique=("round_id", "currency"))
