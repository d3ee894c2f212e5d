"""A summary of a statement file's lines, taken while they pass on their way to the database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from feeds.findings import NewFinding
from feeds.staged_rows import StagedRows
from feeds.statements.listed_findings import ListedFindings
from feeds.statements.reading.table import UnreadableRow
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window, day_window


@dataclass(slots=True)
class LineSummary:
    """A summary of the lines that pass through: findings, time span, currencies."""

    name: str
    findings: ListedFindings = field(default_factory=ListedFindings)
    first: datetime | None = None
    last: datetime | None = None
    currencies: dict[str, int] = field(default_factory=dict)

    def records(
        self, lines: Iterable[HistoryRecord | StagedRows | UnreadableRow]
    ) -> Iterator[HistoryRecord | StagedRows]:
        """The records among the lines; an unreadable line becomes a finding."""
        for line in lines:
            if isinstance(line, UnreadableRow):
                self.findings.add(
                    NewFinding(
                        kind=line.kind, detail=line.reason, file=self.name, line=line.line
                    )
                )
                continue
            if isinstance(line, StagedRows):
                self._add(line.first, line.last, line.currencies)
            else:
                self._add(line.created_at, line.created_at, {line.currency: 1})
            yield line

    def _add(self, first: datetime, last: datetime, currencies: Mapping[str, int]) -> None:
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        for code, count in currencies.items():
            self.currencies[code] = self.currencies.get(code, 0) + count

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
