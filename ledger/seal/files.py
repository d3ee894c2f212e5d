"""Files of sealed days: written once, read line by line, with the standard library only.

A file whose name ends in ``.gz`` is compressed; the seal covers the lines, not the file.
"""

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from vocabulary.errors import Malformed

#: Longest line read, in bytes: a row with the longest body that settings allow is shorter.
LINE_BYTES_MAX = 8_000_000
#: Stands for the batch id in the sort key of residuals, which follow the last batch.
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
        """The row's readable name."""
        return row_name(self.kind, self.row)


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        Malformed: a file with that name exists.
        OSError: the file cannot be written.
    """
    if path.exists():
        raise Malformed(str(path), "a new file name is expected, and this file exists")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _open(part, path.suffix, "wb") as file:
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
        with _open(path, path.suffix, "rb") as file:
            number = 0
            while raw := file.readline(LINE_BYTES_MAX):
                number += 1
                yield _parse(path, number, raw)
    except (OSError, EOFError) as error:
        reason = f"a readable file is expected ({type(error).__name__})"
        raise Malformed(str(path), reason) from error


def row_name(kind: str, row: Mapping[str, Any]) -> str:
    """The readable name of a row, from its identifying columns."""
    transaction = f"txn-{row.get('wallet_id')}-{row.get('wallet_seq')}"
    match kind:
        case "batch":
            return f"batch {row.get('batch_id')}"
        case "delivery":
            return f"delivery {row.get('delivery_id')}"
        case "entry":
            return f"entry {row.get('leg')} of {transaction}"
        case "residual":
            return f"residual {row.get('residual_id')}"
        case "residual_entry":
            return f"entry {row.get('leg')} of residual {row.get('residual_id')}"
        case "operation":
            return f"operation {transaction}"
        case _:
            return kind


def _parse(path: Path, number: int, raw: bytes) -> SealLine:
    location = f"{path}, line {number}"
    try:
        document = json.loads(raw)
    except ValueError:
        raise Malformed(location, "a JSON object is expected") from None
    if not isinstance(document, dict) or not raw.endswith(b"\n"):
        raise Malformed(location, "a JSON object and the end of its line are expected")
    if document.get("tieout") == "day":
        return SealLine(number, "header", document, raw)
    if "seal" in document:
        return SealLine(number, "trailer", document, raw)
    kind = next(iter(document), "")
    if kind not in KINDS or len(document) != 1 or not isinstance(document[kind], dict):
        raise Malformed(location, f"one of {', '.join(KINDS)} is expected")
    return SealLine(number, kind, document[kind], raw)


def _open(path: Path, suffix: str, mode: str) -> BinaryIO:
    if suffix != ".gz":
        return path.open(mode)  # type: ignore[return-value]
    return gzip.open(path, mode)  # type: ignore[return-value]
