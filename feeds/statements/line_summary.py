"""A summary of a statement file's lines, taken while they pass on their way to the database."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding
from feeds.statements.table import UnreadableRow
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window, day_window

#: Lines of one cause that are listed; the rest are counted.
LISTED_MAX = 20
#: Causes that are told apart in one file.
CAUSES_MAX = 200

# What differs between lines of one cause: places, quoted content, numbers.
_VARIES = re.compile(r"\bcell [A-Z]{1,3}[0-9]+,? ?|\"[^\"]*\"|'[^']*'|\b(?=\w*[0-9])\w+")


@lru_cache(maxsize=1_000)
def cause_of(reason: str) -> str:
    """The part of a reason that all lines with the same cause have."""
    return _VARIES.sub("…", reason)


@dataclass(slots=True)
class LineSummary:
    """A summary of the lines that pass through: findings, time span, currencies.

    Attributes:
        name: of the file.
        refused: the number of lines that could not be read.
    """

    name: str
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None
    currencies: dict[str, int] = field(default_factory=dict)
    _listed: list[NewFinding] = field(default_factory=list)
    _counts: dict[tuple[FindingKind, str], int] = field(default_factory=dict)

    def records(
        self, lines: Iterable[HistoryRecord | UnreadableRow]
    ) -> Iterator[HistoryRecord]:
        """The records among the lines; an unreadable line becomes a finding."""
        for line in lines:
            if isinstance(line, UnreadableRow):
                self._refuse(line)
                continue
            created, code = line.created_at, line.currency
            self.first = created if self.first is None else min(self.first, created)
            self.last = created if self.last is None else max(self.last, created)
            self.currencies[code] = self.currencies.get(code, 0) + 1
            yield line

    @property
    def findings(self) -> list[NewFinding]:
        """A finding for each of the first lines of a cause, and one for the rest of them."""
        rest = [
            NewFinding(
                kind=kind,
                detail=f"and {count - LISTED_MAX} more lines with this cause: {cause}",
                file=self.name,
                evidence={"more": count - LISTED_MAX},
            )
            for (kind, cause), count in self._counts.items()
            if count > LISTED_MAX
        ]
        return [*self._listed, *rest]

    def _refuse(self, row: UnreadableRow) -> None:
        self.refused += 1
        key = (row.kind, cause_of(row.reason))
        if key not in self._counts and len(self._counts) == CAUSES_MAX:
            key = (row.kind, "other causes")
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] <= LISTED_MAX:
            finding = NewFinding(
                kind=row.kind, detail=row.reason, file=self.name, line=row.line
            )
            self._listed.append(finding)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From the first record to the last; None without records."""
        return None if self.first is None or self.last is None else (self.first, self.last)

    def days(self, zone: ZoneInfo) -> tuple[date, date] | None:
        """The days of the first and of the last record."""
        if self.span is None:
            return None
        first, last = (instant.astimezone(zone).date() for instant in self.span)
        return first, last

    def only_day(self, zone: ZoneInfo) -> date | None:
        """The day of all records, if it is one."""
        days = self.days(zone)
        return days[0] if days and days[0] == days[1] else None

    def covered_time(self, day: date | None, zone: ZoneInfo) -> Window | None:
        """The known ``day`` of the file, or the days of its records; None: not known."""
        days = (day, day) if day is not None else self.days(zone)
        if days is None:
            return None
        first, last = (day_window(each_day, zone) for each_day in days)
        return Window(start=first.start, end=last.end)
