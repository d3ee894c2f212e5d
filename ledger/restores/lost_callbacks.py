"""Callbacks that a restore lost, with the replies that we gave; sealed days are a source.

A log of callbacks is proof of two things: the provider's signature over the bytes, and our own
reply, which says whether the operation was acknowledged.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ledger.accepting.late_operations import LATE_SUFFIX
from ledger.accepting.model import DeliveryRow
from ledger.enums import OWN_SLUG, OperationKind
from ledger.seal.check_files import Auditor
from ledger.seal.files import SealLine, read_lines
from vocabulary.errors import Malformed

#: Most callbacks of one file: all of them are held in memory.
CALLBACKS_MAX = 100_000
#: Operations that no callback brought.
_WITHOUT_CALLBACK = frozenset({OperationKind.TOMBSTONE.value, OperationKind.ADJUSTMENT.value})


class LostCallback(NamedTuple):
    """One callback of a log and the reply that we gave.

    Attributes:
        line: where it is in the file.
        row: its bytes and our reply, as a delivery is stored; the verdict is not known.
    """

    line: int
    row: DeliveryRow


def read_sealed_day(path: Path) -> list[LostCallback]:
    """The callbacks of a sealed day's file, in the order in which they were booked.

    Raises:
        Malformed: it is no such file, its seal does not hold, or it has too many operations.
    """
    auditor = Auditor()
    auditor.read_day(str(path), read_lines(path))
    if auditor.result.wrong:
        raise Malformed(
            str(path), f"its seal is expected to hold: {auditor.result.findings[0]}"
        )
    callbacks = list(_callbacks(read_lines(path)))
    if len(callbacks) > CALLBACKS_MAX:
        raise Malformed(
            str(path), f"at most {CALLBACKS_MAX} callbacks are expected in one file"
        )
    return callbacks


def _callbacks(lines: Iterator[SealLine]) -> Iterator[LostCallback]:
    for line in lines:
        row = line.row
        if line.kind != "operation" or row["provider"] == OWN_SLUG:
            continue
        if row["kind"] in _WITHOUT_CALLBACK:
            continue
        yield LostCallback(
            line.number,
            DeliveryRow(
                provider=row["provider"],
                route=row["route"],
                op_key=row["op_key"].removesuffix(LATE_SUFFIX),
                verdict="",
                headers=row["headers"],
                body=_bytes(row["body"]),
                reply_status=row["reply_status"],
                reply=_bytes(row["reply"]),
                received_at=datetime.fromisoformat(row["received_at"]),
            ),
        )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("\\x"))
