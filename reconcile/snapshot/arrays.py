"""Columns of frames as plain arrays.

A frame of fifty columns costs the same whether it holds ten rows or ten thousand, each time it
is filtered, sorted or joined. The passes therefore work on arrays and build a frame once.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Flags: TypeAlias = NDArray[np.bool_]
Amounts: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.intp]

#: Rows of some columns that fit into a processor's cache together: what is done to many rows by
#: stretches of so many takes no fresh memory, which costs more than the doing.
BLOCK = 1 << 17

_STR: Any = pd.Series([], dtype="str").dtype
_MOMENT = "datetime64[us, UTC]"


def words(column: "pd.Series[Any]") -> pa.Array:
    """Texts as one Arrow array."""
    told = pa.array(column, from_pandas=True)
    whole = told.combine_chunks() if isinstance(told, pa.ChunkedArray) else told
    return whole.cast(pa.large_string())


def texts(told: pa.Array) -> Any:
    """An Arrow array of texts as a column."""
    return _STR.__from_arrow__(pa.chunked_array([told]))


def text_of(names: Sequence[str], codes: NDArray[Any]) -> Any:
    """A column of texts, each given by its place among a few names."""
    return texts(pa.array(names, type=pa.large_string()).take(pa.array(codes)))


def numbers(column: "pd.Series[Any]") -> Amounts:
    """Whole numbers or flags, 0 where one is absent."""
    told: Amounts = column.to_numpy(dtype="int64", na_value=0)
    return told


def known(column: "pd.Series[Any]") -> Flags:
    """Where a value is not absent."""
    told: Flags = column.notna().to_numpy()
    return told


def instants(column: "pd.Series[Any]") -> Amounts:
    """Instants in microseconds; the least number there is where one is absent."""
    told: Amounts = column.to_numpy(dtype="datetime64[us]").view(np.int64)
    return told


def moments(told: Amounts) -> Any:
    """Microseconds as a column of instants."""
    return pd.array(told.view("datetime64[us]"), dtype="datetime64[us]").tz_localize("UTC")


def maybe(values: Amounts, absent: Flags) -> Any:
    """A column of whole numbers, some of them absent."""
    return pd.arrays.IntegerArray(values, absent)


def sort_places(table: pa.Table) -> Places:
    """Places of the rows in the order of all columns, first to last; equal rows keep theirs."""
    if not len(table):
        return np.zeros(0, dtype=np.intp)
    keys = [(name, "ascending") for name in table.column_names]
    places: Places = pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.intp)
    return places


def changes(*told: Any) -> Flags:
    """Where a row differs from the row before it in any of these; always at the first."""
    first = np.ones(len(told[0]), dtype=bool)
    if len(first) > 1:
        first[1:] = np.logical_or.reduce([_changes(each) for each in told])
    return first


def _changes(told: Any) -> Flags:
    if isinstance(told, pa.Array):
        differ: Flags = pc.not_equal(told[1:], told[:-1]).to_numpy(zero_copy_only=False)
        return differ
    flags: Flags = told[1:] != told[:-1]
    return flags


def taken(column: "pd.Series[Any]", at: Places) -> Any:
    """Values of a column at these places, absent where a place is negative.

    What cannot be absent in the column can be in the result.
    """
    kind = str(column.dtype)
    if kind not in {"int64", "bool"}:
        return column.array.take(at, allow_fill=True)
    absent = at < 0
    values = column.to_numpy()
    told = np.zeros(len(at), dtype=values.dtype)
    told[~absent] = values[at[~absent]]
    made = pd.arrays.IntegerArray if kind == "int64" else pd.arrays.BooleanArray
    return made(told, absent)
