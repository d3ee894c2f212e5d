"""``tieout feed status``: how far each feed reaches, how late it is, what is wrong."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import typer

from breaks.unanswered import count_unanswered
from feeds.arrival_delay import ProviderMaturity, maturity_for
from feeds.coverage import FeedHealth, FeedReach, feed_health
from feeds.findings import Severity
from feeds.pull.watermarks import FeedWatermark, list_watermarks
from ops.commands.database import open_books
from ops.commands.feed.findings import print_findings
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.context import context_of
from ops.providers.maturity import maturity_rules
from ops.scheduling.closing_days import DueDay, waiting_days
from vocabulary.clock import SystemClock, iso
from vocabulary.plurals import counted, plural


def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show how far each feed reaches, how late it is and what is wrong with it.

    Exit 1 when a feed is stale beyond its setting, or a finding of severity error is open.
    """
    settings = context_of(ctx).settings
    entries = {entry.slug: entry for entry in settings.providers}
    now = SystemClock().now()
    with open_books(ctx).connect() as connection:
        stale_after = {slug: entry.feed.stale_after for slug, entry in entries.items()}
        healths = feed_health(connection, entries, stale_after=stale_after)
        watermarks = list_watermarks(connection)
        maturities = {
            slug: maturity_for(connection, slug, maturity_rules(entry), now)
            for slug, entry in entries.items()
        }
        waiting = waiting_days(connection, settings, now)
        unanswered = count_unanswered(connection)
    documents = []
    for health in healths:
        slug = health.history.provider
        maturity, days = maturities.get(slug), waiting.get(slug, ())
        count = unanswered.get(slug, 0)
        if as_json:
            document = _status_json(health, watermarks, maturity, now, waiting=days)
            documents.append({**document, "unanswered": count})
        else:
            _print(health, maturity, now, waiting=days, unanswered=count)
    if as_json:
        print_json(documents, indent=2, instant=iso)
    raise typer.Exit(0 if all(health.is_well(now) for health in healths) else 1)


def _status_json(
    health: FeedHealth,
    watermarks: Iterable[FeedWatermark],
    maturity: ProviderMaturity | None,
    now: datetime,
    *,
    waiting: Sequence[DueDay],
) -> dict[str, Any]:
    """Describe one provider.

    Args:
        health: its history and feeds.
        watermarks: those of all providers.
        maturity: None if the provider is no longer configured.
        now: the instant of the command.
        waiting: days that the schedule does not close before the feeds cover them.
    """
    history = health.history
    return {
        "provider": history.provider,
        "records": history.records,
        "newest_created_at": history.newest_created_at,
        "newest_updated_at": history.newest_updated_at,
        "pending": history.pending,
        "marks": [
            _watermark_json(watermark)
            for watermark in watermarks
            if watermark.provider == history.provider
        ],
        "versions": history.versions,
        "feeds": [_feed_json(health, reach, now) for reach in health.feeds],
        "findings": {severity: health.count(severity) for severity in Severity},
        "stale": health.is_stale(now),
        "maturity": maturity and maturity.to_json(),
        "waiting": [
            {"day": day.day, "why": day.waits_for, "needs_person": day.needs_person}
            for day in waiting
        ],
    }


def _feed_json(health: FeedHealth, reach: FeedReach, now: datetime) -> dict[str, Any]:
    return {
        "feed": reach.feed,
        "watermark": reach.watermark,
        "late_s": int(reach.lateness(now).total_seconds()),
        "read_at": reach.read_at,
        "arrivals": reach.arrivals,
        "quarantined": reach.quarantined,
        "gaps": health.gaps(reach.feed),
        "errors": health.count(Severity.ERROR, reach.feed),
        "warnings": health.count(Severity.WARNING, reach.feed),
    }


def _watermark_json(watermark: FeedWatermark) -> dict[str, Any]:
    return {
        "feed": watermark.feed,
        "watermark": watermark.watermark,
        "pulled_at": watermark.pulled_at,
        "records": watermark.records,
    }


def _print(
    health: FeedHealth,
    maturity: ProviderMaturity | None,
    now: datetime,
    *,
    waiting: Sequence[DueDay],
    unanswered: int,
) -> None:
    history = health.history
    newest = history.newest_created_at and iso(history.newest_created_at)
    typer.echo(
        f"{history.provider}: {counted(history.records, 'record')} in "
        f"{counted(history.versions, 'version')}, newest"
        f" {newest or 'never'}, {history.pending} waiting"
    )
    for reach in health.feeds:
        typer.echo(f"  {_feed_line(health, reach, now)}")
    if health.is_stale(now) and health.stale_after is not None:
        typer.echo(f"  stale: nothing newer for over {health.stale_after}")
    if maturity is not None:
        ages = ", ".join(
            f"{kind} {learned.age} ({learned.source}, {counted(learned.samples, 'sample')})"
            for kind, learned in maturity.by_kind.items()
        )
        typer.echo(f"  maturity: {ages}")
    for day in waiting:
        typer.echo(f"  {day.day} is not closed yet: {'; '.join(day.waits_for)}")
        if day.needs_person:
            command = f"tieout day close {day.day} --provider {history.provider} --reason WHY"
            typer.echo(f"  it waits longer than reconcile.close_unheard_after; → {command}")
    if unanswered:
        typer.echo(
            f"  {counted(unanswered, 'operation is', 'operations are')} booked and"
            f" {plural(unanswered, 'was', 'were')} not answered: a repeat, a rollback or the"
            f" history settles {plural(unanswered, 'it', 'them')}"
        )
    print_findings(health.findings)


def _feed_line(health: FeedHealth, reach: FeedReach, now: datetime) -> str:
    watermark = iso(reach.watermark) if reach.watermark else "nothing whole yet"
    late = timedelta(seconds=int(reach.lateness(now).total_seconds()))
    return (
        f"{reach.feed}: {watermark}, {late} late, last read at"
        f" {iso(reach.read_at)}, {counted(reach.arrivals, 'arrival')},"
        f" {reach.quarantined} in quarantine, {counted(health.gaps(reach.feed), 'gap')},"
        f" {counted(health.count(Severity.ERROR, reach.feed), 'error')},"
        f" {counted(health.count(Severity.WARNING, reach.feed), 'warning')}"
    )
