"""One sweep over a day of a provider, from what arrived to a closed day and its pack."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

from breaks.lists.queries import BreakFilter, DueBreak, due_breaks
from feeds.statements.importer import ImportRequest
from feeds.statements.keep import keep_and_import
from ops.providers.configured import configured_provider
from ops.providers.packs import PackOptions, write_packs
from ops.providers.statements import reader_of
from ops.runtime.file_troubles import file_trouble_of
from ops.scheduling.business_days import business_day_of
from ops.scheduling.day_close import close_if_ready
from ops.settings.break_policy import rules_of
from ops.settings.model import ProviderSettings, Settings
from ops.settings.sections.feed import pulled_feeds
from reconcile.days.since import since_texts
from reconcile.days.states import DayState, DayStatus
from reconcile.partitions.options import RunOptions
from storage.engine import url_of
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import Contradiction, Refused, TieoutError
from vocabulary.plurals import counted
from vocabulary.window import Window

_RECEIVED = """
SELECT max(received_at) FROM feed_records
 WHERE provider = :provider AND created_at >= :start AND created_at < :end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptDay:
    """A provider's day after the sweep.

    Attributes:
        received: when its newest record arrived; None: none did.
        overdue: its open breaks that are past their due date.
        reasons: why somebody has to look; empty: nobody has to.
        pack: the files written.
        run_id: the run that compared it; None: none did.
    """

    day: DayStatus
    received: datetime | None
    overdue: int
    reasons: tuple[str, ...]
    pack: tuple[Path, ...] = ()
    run_id: str | None = None


def sweep_day(
    settings: Settings,
    engine: Engine,
    entry: ProviderSettings,
    day: date,
    *,
    out: Path,
    options: RunOptions,
) -> SweptDay:
    """Sweep one provider; what fails is a reason, and keeps no other provider waiting."""
    url = url_of(engine)
    reasons: list[str] = []
    pack: tuple[Path, ...] = ()
    run_id: str | None = None
    try:
        reasons += take_in(engine, url, entry, settings.close.inbox)
        with engine.connect() as connection:
            before = business_day_of(connection, entry, day, SystemClock().now())
        if before.is_over:
            run_id = close_if_ready(engine, url, entry, before, options).run_id
            pack = _write_pack(settings, url, entry, before, out)
    except TieoutError as error:
        reasons.append(str(error))
    with engine.connect() as connection:
        after = business_day_of(connection, entry, day, SystemClock().now())
        window = {"start": after.window.start, "end": after.window.end}
        params = {"provider": entry.slug, **window}
        received = connection.execute(text(_RECEIVED), params).scalar_one()
    overdue = _overdue(engine, settings, after)
    return SweptDay(
        day=after,
        received=received,
        overdue=overdue,
        reasons=(*reasons, *_reasons(after, overdue)),
        pack=pack,
        run_id=run_id,
    )


def take_in(engine: Engine, url: str, entry: ProviderSettings, inbox: str) -> Iterator[str]:
    """Pull and import what is there; yields what was wrong with it."""
    if entry.api is not None and pulled_feeds(entry.dialect):
        yield from _pull(url, entry)
    chosen = configured_provider(entry)
    folder = Path(inbox).expanduser() / entry.slug
    if not inbox or chosen.dialect.statement is None or not folder.is_dir():
        return
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        request = ImportRequest(
            path=file,
            zone=ZoneInfo(chosen.timezone),
            now=SystemClock().now(),
            expects_daily=entry.statement.daily,
        )
        try:
            result = keep_and_import(engine, reader_of(chosen, entry.statement), request)
        except (Refused, Contradiction) as error:
            yield f"{file.name}: {error}"
            continue
        except OSError as error:  # renamed by whoever brings it, or not ours to read
            trouble = file_trouble_of(error)
            if trouble is None:
                raise
            yield f"{file.name}: {trouble}"
            continue
        if result.has_errors:
            yield f"{file.name}: {result.verdict}, {counted(len(result.findings), 'finding')}"


def _pull(url: str, entry: ProviderSettings) -> Iterator[str]:
    # aiohttp takes 200 ms, which files and pushes do not need.
    from ops.providers.feed_pull import pull_due  # noqa: PLC0415

    for pulled in pull_due(url, entry):
        if pulled.error is not None:
            yield f"feed {pulled.feed}: {pulled.error}"
        elif pulled.findings.count:
            yield (
                f"feed {pulled.feed}: {counted(pulled.findings.count, 'item')}"
                " could not be read"
            )


def _write_pack(
    settings: Settings, url: str, entry: ProviderSettings, day: DayStatus, out: Path
) -> tuple[Path, ...]:
    chosen = configured_provider(entry)
    options = PackOptions(read_day=business_day_of)
    windows = [(chosen, day.window)]
    written = write_packs(url, settings, windows, out, options)
    return written.files[entry.slug]


def _overdue(engine: Engine, settings: Settings, day: DayStatus) -> int:
    break_filter = BreakFilter(provider=day.provider)
    due = due_breaks(engine, break_filter, rules_of(settings), now=day.now)
    return count_overdue(due, day.window)


def count_overdue(due: Iterable[DueBreak], window: Window) -> int:
    """How many overdue breaks a day has; a break without a bet is of the day that found it."""
    return sum(
        item.overdue
        and window.start <= (item.break_.began_at or item.break_.first_seen) < window.end
        for item in due
    )


def _reasons(day: DayStatus, overdue: int) -> Iterator[str]:
    """Why somebody has to look at a day."""
    if not day.is_over:
        yield f"the day is not over before {iso(day.window.end)}"
    elif not day.is_closed and day.state is not DayState.SIGNED:
        yield from day.missing or ("it could not be closed: rounds are still timing",)
    for words, _, _ in day.figures.open_texts():
        yield f"open breaks: {words}"
    for currency in day.figures.currencies:
        if minor := day.figures.unexplained(currency):
            yield f"unexplained: {day.figures.text(currency, minor)} {currency}"
    if overdue:
        yield f"overdue breaks: {overdue}"
    yield from since_texts(day)
