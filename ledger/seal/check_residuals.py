"""Check the residuals in files of sealed days: their legs and their order. Pure.

Memory holds the last transaction of every round that a residual was booked for.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.seal.files import SealLine
from vocabulary.plurals import counted

#: Account and sign of each leg's amount.
_LEGS = {1: ("ggr", -1), 2: ("difference", 1)}
_SHARED_COLUMNS = ("provider", "match_key", "currency")
_KEY_COLUMNS = ("provider", "round_id", "player", "currency", "write_off_id")


class ResidualAudit:
    """Reads the residuals of all days in order and yields what is wrong with them."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self._residual: Mapping[str, Any] | None = None
        self._legs = 0

    def begin(self, line: SealLine, day: str) -> Iterator[str]:
        """Read the next residual."""
        residual = line.row
        self._residual, self._legs = residual, 0
        if not str(residual["booked_at"]).startswith(day):
            yield "it was not booked on this day"
        key = tuple(str(residual.get(name)) for name in _KEY_COLUMNS)
        last = self._last.get(key)
        self._last[key] = residual
        if last is not None and not _follows(residual, last):
            yield f"it does not follow residual {last['residual_id']}"
        elif last is None and residual["sequence"] == 1 and residual["before"] != 0:
            yield "it is the first of its round and does not start from zero"

    def add_entry(self, line: SealLine) -> Iterator[str]:
        """Read an entry of the current residual."""
        entry, residual = line.row, self._residual
        if residual is None or entry["residual_id"] != residual["residual_id"]:
            yield "it does not follow its residual"
            return
        self._legs += 1
        account, sign = _LEGS.get(entry["leg"], ("", 0))
        amount = sign * (residual["after"] - residual["before"])
        if (entry["account"], entry["amount"]) != (account, amount):
            yield "its account or amount is not what its residual moves"
        if any(entry[name] != residual[name] for name in _SHARED_COLUMNS):
            yield "its provider, round or currency is not its residual's"

    def end(self) -> Iterator[str]:
        """End the current residual: no more entries follow."""
        if self._residual is not None and self._legs != len(_LEGS):
            yield (
                f"residual {self._residual['residual_id']} has {counted(self._legs, 'entry')},"
                f" {len(_LEGS)} are expected"
            )
        self._residual = None


def _follows(residual: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    start = (residual["sequence"], residual["before"], residual["corrects"])
    return start == (last["sequence"] + 1, last["after"], last["residual_id"])
