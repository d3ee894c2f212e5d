"""Counts what is read of a file, so that reading ends at its limits."""

from time import process_time

from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.table import Rows, TableRow

#: Rows between two looks at the clock.
_CLOCK_ROWS = 1_000


class ReadMeter:
    """Counts the rows of one file.

    Attributes:
        line: of the row read last; 0 before the first.
    """

    def __init__(self, limits: ReadLimits) -> None:
        self.line = 0
        self._limits = limits
        self._ends_at = process_time() + limits.seconds

    def metered(self, rows: Rows) -> Rows:
        """The rows, as far as the limits allow.

        Raises:
            LimitExceeded: the file has more of them, or takes longer.
        """
        rows_max, cells_max = self._limits.rows, self._limits.cells
        cells = 0
        for number, row in enumerate(rows, start=1):
            if isinstance(row, TableRow):
                cells += row.width
            if number > rows_max:
                raise self._limits.exceeded("rows")
            if cells > cells_max:
                raise self._limits.exceeded("cells")
            if number % _CLOCK_ROWS == 0 and process_time() > self._ends_at:
                raise self._limits.exceeded("seconds")
            self.line = row.line
            yield row
