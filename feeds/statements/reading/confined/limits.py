"""Limits within which a statement file is read: whatever the file is, reading ends."""

from dataclasses import dataclass
from typing import Literal

Limit = Literal["rows", "cells", "unpacked_bytes", "seconds", "memory_bytes"]


class LimitExceeded(Exception):
    """A file is larger than a limit allows.

    Attributes:
        limit: the name of the setting.
        allowed: its value.
    """

    def __init__(self, limit: Limit, allowed: int) -> None:
        super().__init__(limit, allowed)
        self.limit = limit
        self.allowed = allowed

    def __str__(self) -> str:
        """The text of the finding."""
        return (
            f"the file {_NEEDS[self.limit].format(self.allowed)}; nothing was read from here"
            f" on; if it is sound, raise the setting limits.{self.limit}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """The largest file that is read; a larger one is a finding that names the limit.

    Attributes:
        rows: lines of a text file, rows of a sheet, records of a Parquet file.
        cells: values of all rows together.
        unpacked_bytes: of a compressed file, and of the parts of a workbook that are read.
        seconds: of processor time.
        memory_bytes: address space on top of the interpreter and its libraries, for formats
            that a child process reads: workbooks, Parquet and compressed files.
    """

    rows: int = 10_000_000
    cells: int = 200_000_000
    unpacked_bytes: int = 2 << 30
    seconds: int = 900
    memory_bytes: int = 256 << 20

    def exceeded(self, limit: Limit) -> LimitExceeded:
        """The error that a file exceeds one of the limits."""
        return LimitExceeded(limit, getattr(self, limit))


_NEEDS = {
    "rows": "has more than {} rows",
    "cells": "has more than {} values",
    "unpacked_bytes": "has more than {} bytes when unpacked",
    "seconds": "takes more than {} seconds to read",
    "memory_bytes": "takes more than {} bytes of memory to read",
}
