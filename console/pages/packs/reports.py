"""Journals and statements: what was made, and making one."""

from datetime import date, timedelta

from sqlalchemy import Connection

from console.config import Visit
from console.pages.jobs.requesting import new_request_key, request
from console.pages.parameters import provider_named, read_choice, read_day, required
from console.replies import HtmlPage, SeeOther
from console.sentences import counted
from reports.journal.formats import JournalFormat
from reports.journal.model import IssuedJournal
from reports.journal.store import JournalPeriod, load_journals
from storage.jobs.model import JobFile, StoredJob
from storage.jobs.queries import files_of, jobs_before
from vocabulary.currencies import is_currency
from vocabulary.errors import Malformed
from vocabulary.people import Right

#: The kinds of jobs that make files for people.
MAKING = ("statement.write", "journal.export")
#: Reports and journals that the page shows.
MADE_MAX, JOURNALS_MAX = 20, 60
#: Days whose journals are listed.
JOURNAL_DAYS = 62
#: The provider of journals of our own operations.
_OWN = "tieout"


def show(visit: Visit) -> HtmlPage:
    """The reports that were made, the journals that were issued, and forms for more."""
    last_day = visit.config.today(visit.now)
    with visit.console.readers.connect() as connection:
        made = jobs_before(connection, kinds=MAKING, limit=MADE_MAX)
        files = {job.job_id: _made(connection, job) for job in made}
        journals = _journals(connection, visit, last_day)
    month_end = last_day.replace(day=1) - timedelta(days=1)
    values = {
        "sentence": _sentence(made, journals),
        "made": made,
        "files": files,
        "journals": journals[:JOURNALS_MAX],
        "journal_count": len(journals),
        "journal_days": JOURNAL_DAYS,
        "formats": list(JournalFormat),
        "first": read_day(visit.query.get("first")) or month_end.replace(day=1),
        "last": read_day(visit.query.get("last")) or month_end,
        "config": visit.config,
        "may_export": visit.signed_in.person.may(Right.EXPORT_JOURNALS),
        "request_key": new_request_key(),
    }
    return HtmlPage(template="packs/reports.html", values=values)


def write_statement(visit: Visit) -> SeeOther:
    """Request the statement of a period."""
    only_pdf = visit.form.get("files") == "pdf"
    return request(visit, "statement.write", {**_period(visit), "only_pdf": only_pdf})


def export_journals(visit: Visit) -> SeeOther:
    """Request the journals of a period as a file for an accounting program."""
    target = read_choice(JournalFormat, visit.form, "format") or JournalFormat.CSV
    currency = visit.form.get("currency", "").strip()
    if currency and not is_currency(currency):
        raise Malformed("currency", "a currency code such as EUR is expected")
    arguments = {**_period(visit), "target": str(target), "currency": currency}
    return request(visit, "journal.export", arguments)


def _period(visit: Visit) -> dict[str, str]:
    first = read_day(required(visit.form, "first", "the first day"))
    last = read_day(required(visit.form, "last", "the last day"))
    assert first is not None, "a field that is required is not empty"
    assert last is not None, "likewise"
    if last < first:
        raise Malformed("first", f"a day not after {last} is expected, it is {first}")
    provider = visit.form.get("provider", "").strip()
    if provider:
        provider_named(visit.config, provider)
    return {"first": str(first), "last": str(last), "provider": provider}


def _made(connection: Connection, job: StoredJob) -> list[JobFile]:
    return [file for file in files_of(connection, job.job_id) if file.direction == "out"]


def _journals(connection: Connection, visit: Visit, last: date) -> list[IssuedJournal]:
    """The newest journals first."""
    period = JournalPeriod(
        first=last - timedelta(days=JOURNAL_DAYS),
        last=last,
        providers=(_OWN, *visit.config.zones),
    )
    return list(reversed(load_journals(connection, period)))


def _sentence(made: list[StoredJob], journals: list[IssuedJournal]) -> str:
    if not made and not journals:
        return "No statement was made here and no journal was issued yet."
    parts = [counted(len(made), "report") + " made here lately"] if made else []
    if journals:
        parts.append(
            f"{counted(len(journals), 'journal')} issued for the last {JOURNAL_DAYS} days"
        )
    return f"{', '.join(parts)}."
