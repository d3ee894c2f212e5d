"""``tieout day run``: one sweep over all providers, from what arrived to closed days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine, text

from breaks.queries import BreakFilter, due_breaks
from feeds.statements.importer import ImportRequest
from feeds.statements.keep import keep_and_import
from ops.commands.database import open_books
from ops.commands.day.closing import close_if_ready
from ops.commands.day.output import FIGURES, day_commands, day_json, day_rows, since_lines
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next
from ops.commands.option_values import read_business_day
from ops.commands.options import AsJson, DayOption, EveryProvider, Providers
from ops.commands.progress import progress_of_steps
from ops.commands.scope import entries_of
from ops.commands.tables import wide_table
from ops.context import Context, context_of, database_url
from ops.providers.configured import configured_provider
from ops.providers.packs import PackOptions, write_packs
from ops.providers.statements import reader_of
from ops.scheduling.business_days import business_day_of
from ops.settings.break_policy import rules_of
from ops.settings.feed import pulled_feeds
from ops.settings.model import ProviderSettings, Settings
from reconcile.days.states import DayState, DayStatus
from reconcile.partitions.options import RunOptions
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import Contradiction, Refused, TieoutError

#: By the state of a day, the step that follows.
_STEPS = {
    DayState.CLOSED: "prepare",
    DayState.PREPARED: "sign",
    DayState.CHANGED: "reopen",
}
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


def run(
    ctx: typer.Context,
    *,
    day: DayOption = "yesterday",
    provider: Providers = None,
    every: EveryProvider = False,
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder to write the packs into.")
    ] = Path("packs"),
    as_json: AsJson = False,
) -> None:
    """Take in what arrived, reconcile, close, write packs; exit 1 with reasons.

    Files are taken from the subfolder of close.inbox that bears the provider's slug; feeds that
    can be pulled are pulled.
    """
    context, now = context_of(ctx), SystemClock().now()
    entries = entries_of(context.settings, provider, every=every or not provider)
    days = [read_business_day(day or "", entry.timezone, now) for entry in entries]
    engine, swept = open_books(ctx), []
    with progress_of_steps(len(entries)) as begin:
        for entry, chosen in zip(entries, days, strict=True):
            begin(f"{entry.slug} {chosen}")
            swept.append(_sweep(context, engine, entry, chosen, out))
    if as_json:
        print_json([_swept_json(one) for one in swept], indent=2, instant=iso)
    else:
        _print(swept)
    raise typer.Exit(1 if any(one.reasons for one in swept) else 0)


def _sweep(
    context: Context, engine: Engine, entry: ProviderSettings, day: date, out: Path
) -> SweptDay:
    """Sweep one provider; what fails is a reason, and keeps no other provider waiting."""
    reasons: list[str] = []
    pack: tuple[Path, ...] = ()
    run_id: str | None = None
    url = database_url(context)
    try:
        reasons += _take_in(engine, url, entry, context.settings.close.inbox)
        with engine.connect() as connection:
            before = business_day_of(connection, entry, day, SystemClock().now())
        if before.is_over:
            run_id = close_if_ready(engine, url, entry, before, RunOptions()).run_id
            pack = _write_pack(context, entry, before, out)
    except TieoutError as error:
        reasons.append(str(error))
    with engine.connect() as connection:
        after = business_day_of(connection, entry, day, SystemClock().now())
        window = {"start": after.window.start, "end": after.window.end}
        params = {"provider": entry.slug, **window}
        received = connection.execute(text(_RECEIVED), params).scalar_one()
    overdue = _overdue(engine, context.settings, after)
    return SweptDay(
        day=after,
        received=received,
        overdue=overdue,
        reasons=(*reasons, *_reasons(after, overdue)),
        pack=pack,
        run_id=run_id,
    )


def _take_in(engine: Engine, url: str, entry: ProviderSettings, inbox: str) -> Iterator[str]:
    """Pull and import what is there; yields what was wrong with it."""
    if entry.api is not None and pulled_feeds(entry.dialect):
        # aiohttp takes 200 ms, which files and pushes do not need.
        from ops.providers.feed_pull import pull_due  # noqa: PLC0415

        for pulled in pull_due(url, entry):
            if pulled.error is not None:
                yield f"feed {pulled.feed}: {pulled.error}"
            elif pulled.findings.count:
                yield f"feed {pulled.feed}: {pulled.findings.count} items could not be read"
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
        if result.has_errors:
            yield f"{file.name}: {result.verdict}, {len(result.findings)} findings"


def _write_pack(
    context: Context, entry: ProviderSettings, day: DayStatus, out: Path
) -> tuple[Path, ...]:
    chosen = configured_provider(entry)
    options = PackOptions(read_day=business_day_of)
    windows = [(chosen, day.window)]
    written = write_packs(database_url(context), context.settings, windows, out, options)
    return written.files[entry.slug]


def _overdue(engine: Engine, settings: Settings, day: DayStatus) -> int:
    break_filter = BreakFilter(provider=day.provider)
    due = due_breaks(engine, break_filter, rules_of(settings), now=day.now)
    window = day.window
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
    yield from since_lines(day)


def _print(swept: list[SweptDay]) -> None:
    columns = ("provider", "day", "state", "feed received", *FIGURES, "overdue")
    wide_table(columns, (cells for one in swept for cells in _cells(one)), left=4)
    for one in swept:
        for reason in one.reasons:
            typer.echo(f"{one.day.provider} {one.day.day}: {reason}")
        if one.pack:
            typer.echo(
                f"{one.day.provider} {one.day.day}: {len(one.pack)} files, {one.pack[0]}"
            )
        if one.run_id is not None:
            typer.echo(f"{one.day.provider} {one.day.day}: run {one.run_id}")
    print_next(*_next_commands([one.day for one in swept]))


def _next_commands(days: list[DayStatus]) -> Iterator[str]:
    """The commands that lead on: to the breaks, then to the sign-off of what is closed."""
    dates = {day.day for day in days if any(day.figures.open_texts())}
    for open_day in sorted(dates):
        yield f"tieout breaks list --day {open_day}"
    for state, command in _STEPS.items():
        if chosen := [day for day in days if day.state is state]:
            yield from day_commands(command, chosen)


def _cells(one: SweptDay) -> Iterator[list[str]]:
    zone = ZoneInfo(one.day.zone)
    received = one.received and one.received.astimezone(zone).strftime("%d %b %H:%M")
    for provider, day, state, *figures in day_rows(one.day):
        yield [provider, day, state, received or "-", *figures, str(one.overdue)]


def _swept_json(one: SweptDay) -> dict[str, Any]:
    return {
        **day_json(one.day),
        "received": one.received,
        "overdue": one.overdue,
        "reasons": one.reasons,
        "pack": one.pack,
        "run_id": one.run_id,
    }
