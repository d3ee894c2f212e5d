"""Journals and statements, as ``tieout journal export`` and ``report`` write them."""

import io
import mimetypes
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from ops.finance.journals import (
    export_journals,
    export_request,
    in_currency,
    journal_file_terms,
)
from ops.jobs.kinds.reports import JournalArguments, StatementArguments
from ops.jobs.providers import entry_of
from ops.jobs.work import JobRun
from ops.providers.configured import configured_provider
from ops.providers.packs import PackOptions, write_packs
from ops.scheduling.business_days import business_day_of
from reports.journal.formats import render_journals
from storage.jobs.model import JobLink, JobResult
from storage.transactions import transaction
from vocabulary.plurals import counted
from vocabulary.window import Window, day_window

_ZIP = "application/zip"
_REPORTS = JobLink(path="/reports", text="All reports")


def export(run: JobRun) -> JobResult:
    """Issue the journals of signed days, and write those of the period."""
    arguments = run.arguments
    assert isinstance(arguments, JournalArguments)
    entry = entry_of(run.settings, arguments.provider) if arguments.provider else None
    request = export_request(
        run.settings,
        run.endpoints.database_url,
        (arguments.first, arguments.last),
        entry=entry,
        by=run.by,
        clock=run.clock,
    )
    terms = journal_file_terms(run.settings)
    with transaction(run.engine, "journals") as connection:
        issued = export_journals(connection, request, run.clock.now())
        # Nothing is issued that the file cannot hold.
        journals = in_currency(issued, arguments.currency or None)
        parts = render_journals(journals, arguments.target, terms)
    stem = f"journals-{arguments.provider or 'all'}-{arguments.first}-{arguments.last}"
    for number, part in enumerate(parts, start=1):
        more = f"-{number}" if len(parts) > 1 else ""
        run.write(f"{stem}-{arguments.target}{more}.csv", "text/csv", part)
    lines = sum(len(journal.lines) for journal in journals)
    return JobResult(
        summary=f"{counted(len(journals), 'journal')} with {counted(lines, 'line')}.",
        links=(_REPORTS,),
        details={"journals": len(journals), "lines": lines},
    )


def write_statement(run: JobRun) -> JobResult:
    """Write the statement of a period: to print and sign, as workbook, page and tables."""
    arguments = run.arguments
    assert isinstance(arguments, StatementArguments)
    slug = arguments.provider
    entries = run.settings.providers if not slug else (entry_of(run.settings, slug),)
    chosen = []
    for entry in entries:
        zone = ZoneInfo(entry.timezone)
        first, last = day_window(arguments.first, zone), day_window(arguments.last, zone)
        window = Window(start=first.start, end=last.end)
        chosen.append((configured_provider(entry), window))
    options = PackOptions(
        read_day=business_day_of, only_pdf=arguments.only_pdf, group=len(entries) > 1
    )
    with TemporaryDirectory(prefix="tieout-statement-") as folder:
        url = run.endpoints.database_url
        written = write_packs(url, run.settings, chosen, Path(folder), options)
        for name, paths in written.files.items():
            _keep(run, name, paths)
    missed = ", ".join(written.missed)
    return JobResult(
        summary="The statement is written."
        if not missed
        else f"The statement is written; no run compared a part of the period at {missed}.",
        links=(_REPORTS,),
        details={"missed": list(written.missed)},
    )


def _keep(run: JobRun, name: str, paths: Iterable[Path]) -> None:
    """Keep the files of a pack; its tables go into one archive."""
    tables = io.BytesIO()
    count = 0
    with zipfile.ZipFile(tables, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            if path.suffix == ".csv":
                archive.write(path, path.name)
                count += 1
                continue
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            run.write(path.name, media_type, path.read_bytes())
    if count:
        run.write(f"{name}-tables.zip", _ZIP, tables.getvalue())
