"""The provider's own record of a run: one JSON line per callback that got its final reply."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.protocol.messages import Call
from simulator.protocol.responses import Reading
from simulator.protocol.sender import DeliveryResult
from vocabulary.currencies import ISO_ONLY, digits_of
from vocabulary.money import text_from_minor


class RunLog:
    """Writes lines as they come, each flushed, so that a killed run leaves whole lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, slug: str, call: Call, delivered: DeliveryResult, reading: Reading) -> None:
        """Append one line."""
        exponent = digits_of(call.currency, ISO_ONLY)
        line = {
            "provider": slug,
            "op_key": call.key,
            "kind": call.kind.value,
            "player": call.player,
            "amount": text_from_minor(call.amount, exponent),
            "payout": text_from_minor(call.payout, exponent),
            "currency": call.currency,
            "verdict_seen": "unreadable" if reading.seen is None else reading.seen.value,
            "status": delivered.reply.status,
            "reply": delivered.reply.body.decode("utf-8", "replace"),
            "sends": delivered.sends,
        }
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
