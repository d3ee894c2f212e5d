"""The columns of a frame as plain arrays.

Each access to a column of a frame makes a series, which takes longer than all that a pass does
with the values of a few rows. Passes that every run goes through therefore take columns, and a
frame is built where a result leaves them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

#: A column without an index: a NumPy array, or an array of pandas for text, instants and nulls.
Array: TypeAlias = Any
#: Up to this many values, a Python list is sooner read than a kernel of Arrow is called.
FEW = 32


def array_of(column: "pd.Series[Any] | Array") -> Array:
    """Return the values of a column, without copying them."""
    if isinstance(column, np.ndarray):
        return column
    values = column.array if isinstance(column, pd.Series) else column
    return values.to_numpy() if isinstance(values, pd.arrays.NumpyExtensionArray) else values


def taken(values: Array, positions: NDArray[np.intp]) -> Array:
    """Return the values at these positions, of few texts without a kernel of Arrow."""
    if len(values) == len(positions) == 1 and positions[0] == 0:
        return values
    if len(values) <= FEW and isinstance(values, pd.arrays.ArrowStringArray):
        texts = taken_texts(pa.array(values, type=pa.large_string()), positions)
        dtype: Any = values.dtype
        return dtype.__from_arrow__(pa.chunked_array([texts]))
    return values.take(positions)


def taken_texts(values: pa.Array, positions: NDArray[np.intp]) -> pa.Array:
    """Return the texts of an Arrow array at these positions."""
    if len(values) > FEW or len(positions) > FEW:
        return values.take(pa.array(positions))
    texts = values.to_pylist()
    return pa.array([texts[position] for position in positions.tolist()], type=values.type)


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of equal length by name; nobody changes them in place.

    Attributes:
        arrays: by name, in the order of the frame.
    """

    arrays: Mapping[str, Array]

    @classmethod
    def of(cls, frame: "pd.DataFrame | Columns") -> "Columns":
        """Return the columns of a frame, without its index."""
        if isinstance(frame, Columns):
            return frame
        return cls({str(name): array_of(column) for name, column in frame.items()})

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def take(self, positions: NDArray[np.intp]) -> "Columns":
        """Return the rows at these positions."""
        if not len(positions):
            return self.slice(slice(0))
        return Columns({name: taken(values, positions) for name, values in self.arrays.items()})

    def where(self, flags: NDArray[np.bool_]) -> "Columns":
        """Return the flagged rows."""
        return self if flags.all() else self.take(np.flatnonzero(flags))

    def slice(self, rows: slice) -> "Columns":
        """Return the rows of a slice, as views."""
        return Columns({name: values[rows] for name, values in self.arrays.items()})

    def assign(self, **columns: Array) -> "Columns":
        """Return the same rows with some columns replaced, or added as the last."""
        return Columns({**self.arrays, **columns})

    def frame(self) -> pd.DataFrame:
        """Return a frame of these columns."""
        return pd.DataFrame(dict(self.arrays), copy=False)


#: Rows that a function reads column by column, in either form.
Rows: TypeAlias = pd.DataFrame | Columns
