"""A provider's log of callbacks: JSON Lines with the bytes that it sent and our replies.

A line is an object: ``at``, ``route``, ``headers``, ``body`` and, of our answer, ``status`` and
``reply``. Bytes that are no text are in ``body_base64`` and ``reply_base64``.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from ledger.accepting.model import DeliveryRow
from ledger.replay.report import ProviderDecoder
from ledger.restores.lost_callbacks import CALLBACKS_MAX, LostCallback
from vocabulary.errors import Malformed
from vocabulary.instants import in_utc
from webhooks.evidence_headers import evidence_text

#: Longest line read, in bytes.
LINE_BYTES_MAX = 1_000_000


def read_callback_log(
    path: Path, provider: str, decoder: ProviderDecoder, now: datetime
) -> list[LostCallback]:
    """The callbacks of a provider's log, the oldest first.

    Raises:
        Malformed: the file cannot be read, a line is not what is expected, or there are too
            many; names the line.
    """
    names = decoder.dialect.signature_headers(decoder.provider)
    callbacks: list[LostCallback] = []
    try:
        with path.open("rb") as file:
            for number, document in _documents(path, file):
                if number > CALLBACKS_MAX:
                    raise Malformed(
                        str(path), f"at most {CALLBACKS_MAX} lines are expected in one file"
                    )
                row = _row(f"{path}, line {number}", document, provider, names, now)
                callbacks.append(LostCallback(number, row))
    except OSError as error:
        reason = f"a readable file is expected ({type(error).__name__})"
        raise Malformed(str(path), reason) from error
    return sorted(callbacks, key=lambda callback: callback.row.received_at)


def _documents(path: Path, file: BinaryIO) -> Iterator[tuple[int, Mapping[str, Any]]]:
    number = 0
    while line := file.readline(LINE_BYTES_MAX):
        number += 1
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Malformed(f"{path}, line {number}", "a JSON object is expected")
        yield number, document


def _row(
    place: str,
    document: Mapping[str, Any],
    provider: str,
    signature_headers: tuple[str, ...],
    now: datetime,
) -> DeliveryRow:
    headers = _field(place, document, "headers", dict)
    lower = {str(name).lower(): str(value) for name, value in headers.items()}
    status = _field(place, document, "status", int)
    if not 100 <= status < 600:
        raise Malformed(f"{place}: status", "an HTTP status is expected")
    return DeliveryRow(
        provider=provider,
        route=_field(place, document, "route", str),
        op_key=None,
        verdict="",
        headers=evidence_text(lower, signature_headers),
        body=_bytes(place, document, "body"),
        reply_status=status,
        reply=_bytes(place, document, "reply"),
        received_at=_instant(place, document, now),
    )


def _instant(place: str, document: Mapping[str, Any], now: datetime) -> datetime:
    try:
        instant = datetime.fromisoformat(_field(place, document, "at", str))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or instant > now:
        raise Malformed(
            f"{place}: at", "an instant of the past is expected, such as 2026-11-29T10:00:00Z"
        )
    # An operation counts on the day of this instant, and that is a day in UTC.
    return in_utc(instant, path=f"{place}: at")


def _bytes(place: str, document: Mapping[str, Any], name: str) -> bytes:
    encoded = f"{name}_base64"
    if encoded not in document:
        return str(_field(place, document, name, str)).encode()
    try:
        return base64.b64decode(_field(place, document, encoded, str), validate=True)
    except ValueError:
        raise Malformed(f"{place}: {encoded}", "base64 is expected") from None


def _field(place: str, document: Mapping[str, Any], name: str, kind: type) -> Any:
    value = document.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        expected = {str: "a text", int: "a whole number", dict: "an object"}[kind]
        raise Malformed(f"{place}: {name}", f"{expected} is expected")
    return value
