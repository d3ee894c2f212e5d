"""The residuals in files of sealed days: their legs, and how each follows the one before. Pure.

Memory holds the last transaction of every round that a residual was booked for.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.seal.files import SealLine

#: The account of each leg, and whether it takes or gives what the residual moves.
_LEGS = {1: ("ggr", -1), 2: ("difference", 1)}
_NAMED = ("provider", "match_key", "currency")


class ResidualAudit:
    """Takes the residuals of one day after another and says what is wrong with them."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self._row: Mapping[str, Any] | None = None
        self._legs = 0

    def take(self, line: SealLine, day: str) -> Iterator[str]:
        """Begin with the next one."""
        row = line.row
        self._row, self._legs = row, 0
        if not str(row["booked_at"]).startswith(day):
            yield "it was not booked on this day"
        place = tuple(str(row[name]) for name in ("provider", "round_id", "player", "currency"))
        before = self._last.get(place)
        self._last[place] = row
        if before is not None and not _follows(row, before):
            yield f"it does not follow residual {before['residual_id']}"
        elif before is None and row["sequence"] == 1 and row["before"] != 0:
            yield "it begins where nothing stood"

    def take_entry(self, line: SealLine) -> Iterator[str]:
        """A leg of the one that was taken last."""
        row, of = line.row, self._row
        if of is None or row["residual_id"] != of["residual_id"]:
            yield "it does not follow its residual"
            return
        self._legs += 1
        account, sign = _LEGS.get(row["leg"], ("", 0))
        if (row["account"], row["amount"]) != (account, sign * (of["after"] - of["before"])):
            yield "it is not what its residual moves"
        if any(row[name] != of[name] for name in _NAMED):
            yield "its provider, round or currency is not its residual's"

    def end(self) -> Iterator[str]:
        """Nothing more belongs to the one that was taken last."""
        if self._row is not None and self._legs != len(_LEGS):
            yield (
                f"residual {self._row['residual_id']} has {self._legs} entries,"
                f" {len(_LEGS)} are expected"
            )
        self._row = None


def _follows(row: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    begins = (row["sequence"], row["before"], row["corrects"])
    ended = (before["sequence"] + 1, before["after"], before["residual_id"])
    return begins == ended
