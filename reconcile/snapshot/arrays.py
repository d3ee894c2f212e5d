"""Conversions between frame columns and plain arrays.

Filtering, sorting or joining a frame of fifty columns costs the same for ten rows as for ten
thousand. The matching passes therefore work on arrays and build each frame once.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from reconcile.snapshot.columns import Array, array_of, taken, taken_texts

Flags: TypeAlias = NDArray[np.bool_]
Amounts: TypeAlias = NDArray[np.int64]
Positions: TypeAlias = NDArray[np.intp]

#: Number of rows of a few columns that fit into a processor's cache together. Large arrays are
#: processed in blocks of this size: allocating fresh memory costs more than the work itself.
BLOCK = 1 << 17
#: What ``array_of`` reads: a column of a frame, or its array.
Column: TypeAlias = "pd.Series[Any] | Array"

_STR: Any = pd.Series([], dtype="str").dtype
_LARGE_STRING = pa.large_string()
_INSTANT: Any = pd.DatetimeTZDtype("us", "UTC")
#: Columns whose values Arrow converts to Python sooner than pandas does, nulls to None.
_BY_ARROW = (pd.arrays.IntegerArray, pd.arrays.BooleanArray, pd.arrays.ArrowStringArray)


def arrow_text(column: Column) -> pa.Array:
    """Convert a text column to one Arrow array of large strings."""
    values = pa.array(array_of(column), from_pandas=True)
    whole_array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if whole_array.type == _LARGE_STRING:
        return whole_array
    return whole_array.cast(_LARGE_STRING)


def text_column(values: pa.Array) -> Any:
    """Convert an Arrow array of texts to a pandas column."""
    return _STR.__from_arrow__(pa.chunked_array([values]))


def text_from_codes(names: Sequence[str], codes: NDArray[Any]) -> Any:
    """Build a text column in which each value is given by its position in ``names``."""
    return text_column(taken_texts(pa.array(names, type=_LARGE_STRING), codes))


def texts(column: Column) -> NDArray[np.object_]:
    """Convert a text column to Python strings."""
    values: NDArray[np.object_] = array_of(column).to_numpy(dtype=object)
    return values


def integers(column: Column) -> Amounts:
    """Convert integers or flags to int64; a null becomes 0."""
    values = array_of(column)
    if isinstance(values, np.ndarray):
        return values.astype(np.int64, copy=False)
    # ``to_numpy`` of a nullable column takes twenty times as long for few rows.
    converted: Amounts = np.where(values._mask, 0, values._data)
    return converted.astype(np.int64, copy=False)


def python_values(column: Column) -> list[Any]:
    """Convert a column to Python values, None for null."""
    array = array_of(column)
    if isinstance(array, _BY_ARROW):
        by_arrow: list[Any] = pa.array(array).to_pylist()
        return by_arrow
    values: list[Any] = array.tolist()
    if isinstance(array, np.ndarray):
        return values
    is_null = array.isna()
    if not is_null.any():
        return values
    return [None if null else value for value, null in zip(values, is_null, strict=True)]


def present(column: Column) -> Flags:
    """Flag the rows whose value is not null."""
    values = array_of(column)
    if isinstance(values, np.ndarray):
        return np.ones(len(values), dtype=bool)  # integers and flags
    flags: Flags = ~values.isna()
    return flags


def microseconds(column: Column) -> Amounts:
    """Convert instants to microseconds since 1970; a null becomes the smallest int64."""
    return np.asarray(array_of(column), dtype="datetime64[us]").view(np.int64)


def instant_column(values: Amounts) -> Any:
    """Convert microseconds since 1970 to a column of UTC instants."""
    return instants(pa.chunked_array([pa.array(values).cast(pa.timestamp("us", "UTC"))]))


def instants(values: pa.ChunkedArray) -> Array:
    """Convert an Arrow array of instants to a pandas column."""
    return _INSTANT.__from_arrow__(values)


def sort_order(table: pa.Table) -> Positions:
    """Return the row positions sorted by all columns, first to last; the sort is stable."""
    if len(table) < 2:
        return np.arange(len(table))
    keys = [(name, "ascending") for name in table.column_names]
    positions: Positions = pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.intp)
    return positions


def merged(*sorted_values: Amounts) -> Amounts:
    """Return the distinct values of some sorted arrays, sorted.

    A stable sort merges sorted arrays in one pass; ``np.unique`` would hash every value.
    """
    values = np.concatenate(sorted_values)
    values.sort(kind="stable")
    return values[changes(values)]


def in_sorted(values: Amounts, sorted_values: Amounts) -> Flags:
    """Flag the values that are among sorted ones."""
    if not len(sorted_values):
        return np.zeros(len(values), dtype=bool)
    at = np.minimum(np.searchsorted(sorted_values, values), len(sorted_values) - 1)
    flags: Flags = sorted_values[at] == values
    return flags


def changes(*columns: Any) -> Flags:
    """Flag the rows that differ from the previous row in any column, and the first row."""
    flags = np.ones(len(columns[0]), dtype=bool)
    if len(flags) > 1:
        flags[1:] = np.logical_or.reduce([_changes(column) for column in columns])
    return flags


def _changes(column: Any) -> Flags:
    if isinstance(column, pa.Array):
        differ: Flags = pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
        return differ
    flags: Flags = column[1:] != column[:-1]
    return flags


def take_or_null(column: Column, positions: Positions) -> Any:
    """Take the values at these positions; a negative position gives a null.

    A column of int64 or bool becomes its nullable counterpart.
    """
    values, is_null = array_of(column), positions < 0
    if not isinstance(values, np.ndarray):
        if not is_null.any():
            return taken(values, positions)
        return values.take(positions, allow_fill=True)
    result: NDArray[Any] = np.zeros(len(positions), dtype=values.dtype)
    result[~is_null] = values[positions[~is_null]]
    nullable = pd.arrays.BooleanArray if values.dtype == bool else pd.arrays.IntegerArray
    return nullable(result, is_null)
