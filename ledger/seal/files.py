"""Files of sealed days: written once, read line by line, with the standard library only.

A name that ends in ``.gz`` is compressed; the seal is over the lines, not over the file.
"""

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from vocabulary.errors import Malformed

#: Longest line read, in bytes: an operation with its body and reply in hex, many times over.
LINE_BYTES_MAX = 1_000_000
#: What residuals have in the place of a batch: they follow the last of them.
AFTER_BATCHES = 2**63 - 1
KINDS = ("batch", "operation", "entry", "delivery", "residual", "residual_entry")


class SealLine(NamedTuple):
    """One line of a day's file.

    Attributes:
        kind: one of ``KINDS``; ``header`` and ``trailer`` for the first and the last.
    """

    number: int
    kind: str
    row: Mapping[str, Any]
    raw: bytes

    @property
    def name(self) -> str:
        """What a person calls the row."""
        return row_name(self.kind, self.row)


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        Malformed: there is a file of that name.
        OSError: it cannot be written.
    """
    if path.exists():
        raise Malformed(str(path), "a name that no file has is expected")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _opened(part, path.suffix, "wb") as file:
            file.writelines(lines)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[SealLine]:
    """The lines of a file.

    Raises:
        Malformed: it is not a day's file; names the line.
    """
    try:
        with _opened(path, path.suffix, "rb") as file:
            number = 0
            while raw := file.readline(LINE_BYTES_MAX):
                number += 1
                yield _read(path, number, raw)
    except (OSError, EOFError) as error:
        raise Malformed(
            str(path), f"a readable file is expected ({type(error).__name__})"
        ) from (error)


def row_name(kind: str, row: Mapping[str, Any]) -> str:
    """What a person calls a row, from the columns that place it."""
    match kind:
        case "batch":
            return f"batch {row.get('batch_id')}"
        case "delivery":
            return f"delivery {row.get('delivery_id')}"
        case "entry":
            place = f"txn-{row.get('wallet_id')}-{row.get('wallet_seq')}"
            return f"entry {row.get('leg')} of {place}"
        case "residual":
            return f"residual {row.get('residual_id')}"
        case "residual_entry":
            return f"entry {row.get('leg')} of residual {row.get('residual_id')}"
        case "operation":
            return f"operation txn-{row.get('wallet_id')}-{row.get('wallet_seq')}"
        case _:
            return kind


def _read(path: Path, number: int, raw: bytes) -> SealLine:
    place = f"{path}, line {number}"
    try:
        told = json.loads(raw)
    except ValueError:
        raise Malformed(place, "a JSON object is expected") from None
    if not isinstance(told, dict) or not raw.endswith(b"\n"):
        raise Malformed(place, "a JSON object and the end of its line are expected")
    if told.get("tieout") == "day":
        return SealLine(number, "header", told, raw)
    if "seal" in told:
        return SealLine(number, "trailer", told, raw)
    kind = next(iter(told), "")
    if kind not in KINDS or len(told) != 1 or not isinstance(told[kind], dict):
        raise Malformed(place, f"one of {', '.join(KINDS)} is expected")
    return SealLine(number, kind, told[kind], raw)


def _opened(path: Path, suffix: str, mode: str) -> BinaryIO:
    if suffix != ".gz":
        return path.open(mode)  # type: ignore[return-value]
    return gzip.open(path, mode)  # type: ignore[return-value]
