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
from numpy.typing import NDArray

#: A column without an index: a NumPy array, or an array of pandas for text, instants and nulls.
Array: TypeAlias = Any


def array_of(column: "pd.Series[Any] | Array") -> Array:
    """Return the values of a column, without copying them."""
    if isinstance(column, np.ndarray):
        return column
    values = column.array if isinstance(column, pd.Series) else column
    return values.to_numpy() if isinstance(values, pd.arrays.NumpyExtensionArray) else values


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
        return Columns({name: values.take(positions) for name, values in self.arrays.items()})

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
