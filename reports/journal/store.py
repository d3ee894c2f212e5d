"""Issued journals in the database: written once, numbered without gaps.

Tables written: ``journals``, ``journal_lines``, ``audit``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from reports.journal.model import (
    Booked,
    IssuedJournal,
    JournalKey,
    JournalKind,
    JournalLine,
    LineKey,
    NewJournal,
)
from storage.audit import record

# Whoever issues journals waits for whoever does so already; readers do not wait.
_LOCK = "LOCK TABLE journals IN SHARE ROW EXCLUSIVE MODE"
_LAST = "SELECT coalesce(max(journal_no), 0) FROM journals"
_OF_PERIOD = """
FROM journals j WHERE j.provider = ANY(CAST(:providers AS text[]))
 AND j.business_day >= :first AND j.business_day <= :last
"""
_JOURNALS = f"""
SELECT journal_no, external_id, provider, kind, business_day, currency, version, digits,
       issued_by, issued_at {_OF_PERIOD} ORDER BY journal_no
"""
_LINES = f"""
SELECT journal_no, nature, account, code, amount FROM journal_lines
 WHERE journal_no IN (SELECT journal_no {_OF_PERIOD}) ORDER BY journal_no, line_no
"""  # noqa: S608 - the constant above
_INSERT = """
INSERT INTO journals (journal_no, external_id, provider, kind, business_day, currency, version,
                      digits, lines, day_step, issued_by)
VALUES (:number, :external_id, :provider, :kind, :day, :currency, :version, :digits, :lines,
        :day_step, :by)
"""
_INSERT_LINE = """
INSERT INTO journal_lines (journal_no, line_no, nature, account, code, amount)
VALUES (:number, :line_no, :nature, :account, :code, :minor)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPeriod:
    """Days of some providers; both days are included."""

    first: date
    last: date
    providers: tuple[str, ...]

    def params(self) -> dict[str, object]:
        """The parameters of a query."""
        return {"first": self.first, "last": self.last, "providers": list(self.providers)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DueJournal:
    """A journal to be issued.

    Attributes:
        digits: after the decimal point of its amounts.
        day_step: the number of the sign-off it rests on; None for our own operations.
    """

    journal: NewJournal
    digits: int
    day_step: int | None


def lock_journals(connection: Connection) -> None:
    """Let nobody else issue journals until the transaction ends."""
    connection.execute(text(_LOCK))


def load_journals(connection: Connection, period: JournalPeriod) -> list[IssuedJournal]:
    """The issued journals of a period, by number."""
    lines = defaultdict(list)
    for row in connection.execute(text(_LINES), period.params()).mappings():
        line = JournalLine(
            nature=row["nature"], account=row["account"], code=row["code"], minor=row["amount"]
        )
        lines[row["journal_no"]].append(line)
    return [
        _journal(row, tuple(lines[row["journal_no"]]))
        for row in connection.execute(text(_JOURNALS), period.params()).mappings()
    ]


def booked_by(journals: Sequence[IssuedJournal]) -> dict[JournalKey, Booked]:
    """What journals book together, by key."""
    amounts: dict[JournalKey, dict[LineKey, int]] = defaultdict(lambda: defaultdict(int))
    versions: dict[JournalKey, int] = {}
    for journal in journals:
        versions[journal.key] = max(journal.version, versions.get(journal.key, 0))
        for line in journal.lines:
            amounts[journal.key][line.nature, line.account] += line.minor
    return {
        key: Booked(version=version, amounts=dict(amounts[key]))
        for key, version in versions.items()
    }


def issue(connection: Connection, due: Sequence[DueJournal], *, by: str) -> None:
    """Number and store journals in the caller's transaction, each with an audit row.

    Raises:
        IntegrityError: a day is not signed any more, or a journal does not balance.
    """
    last = connection.execute(text(_LAST)).scalar_one()
    for number, item in enumerate(due, start=last + 1):
        _insert(connection, number, item, by)
        detail = {"number": number, "day_step": item.day_step}
        record(connection, by, "journal.issued", f"journal {item.journal.external_id}", detail)


def _insert(connection: Connection, number: int, item: DueJournal, by: str) -> None:
    journal = item.journal
    header = {
        "number": number,
        "external_id": journal.external_id,
        "provider": journal.key.provider,
        "kind": str(journal.key.kind),
        "day": journal.key.business_day,
        "currency": journal.key.currency,
        "version": journal.version,
        "digits": item.digits,
        "lines": len(journal.lines),
        "day_step": item.day_step,
        "by": by,
    }
    lines = [
        {
            "number": number,
            "line_no": line_no,
            "nature": line.nature,
            "account": line.account,
            "code": line.code,
            "minor": line.minor,
        }
        for line_no, line in enumerate(journal.lines, start=1)
    ]
    connection.execute(text(_INSERT), header)
    connection.execute(text(_INSERT_LINE), lines)


def _journal(row: Mapping[Any, Any], lines: tuple[JournalLine, ...]) -> IssuedJournal:
    return IssuedJournal(
        number=row["journal_no"],
        external_id=row["external_id"],
        key=JournalKey(
            business_day=row["business_day"],
            provider=row["provider"],
            kind=JournalKind(row["kind"]),
            currency=row["currency"],
        ),
        version=row["version"],
        digits=row["digits"],
        issued_at=row["issued_at"],
        issued_by=row["issued_by"],
        lines=lines,
    )
