"""What ``tieout feed status`` and ``tieout feed findings`` say, for people and for programs."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import typer

from feeds.arrival_delay import ProviderMaturity
from feeds.coverage import FeedHealth, FeedReach
from feeds.findings import FeedFinding, Severity, by_kind
from feeds.pull.watermarks import FeedWatermark
from ops.scheduling.closing_days import DueDay
from vocabulary.clock import iso

#: Findings of a kind printed one by one; the rest are counted.
SHOWN_MAX = 20


def status_json(
    health: FeedHealth,
    marks: Iterable[FeedWatermark],
    maturity: ProviderMaturity | None,
    now: datetime,
    *,
    waiting: Sequence[DueDay] = (),
) -> dict[str, Any]:
    """One provider; ``maturity`` is None where it is not configured any more.

    ``waiting`` are its days that the schedule does not close before its feeds told their end.
    """
    status = health.history
    created, updated = status.newest_created_at, status.newest_updated_at
    return {
        "provider": status.provider,
        "records": status.records,
        "newest_created_at": created and iso(created),
        "newest_updated_at": updated and iso(updated),
        "pending": status.pending,
        "marks": [_mark_json(mark) for mark in marks if mark.provider == status.provider],
        "versions": status.versions,
        "feeds": [_feed_json(health, each, now) for each in health.feeds],
        "findings": {str(kind): health.count(kind) for kind in Severity},
        "stale": health.is_stale(now),
        "maturity": maturity and maturity.to_json(),
        "waiting": [{"day": str(each.day), "why": list(each.waits)} for each in waiting],
    }


def show_status(
    health: FeedHealth,
    maturity: ProviderMaturity | None,
    now: datetime,
    *,
    waiting: Sequence[DueDay] = (),
) -> None:
    """The same, a few lines for a person."""
    status = health.history
    newest = status.newest_created_at and iso(status.newest_created_at)
    typer.echo(
        f"{status.provider}: {status.records} records in {status.versions} versions, newest"
        f" {newest or 'never'}, {status.pending} waiting"
    )
    for each in health.feeds:
        typer.echo(f"  {_feed_line(health, each, now)}")
    if health.is_stale(now) and health.stale_after is not None:
        typer.echo(f"  stale: nothing newer for over {health.stale_after}")
    if maturity is not None:
        told = ", ".join(
            f"{kind} {each.age} ({each.source}, {each.samples} samples)"
            for kind, each in maturity.by_kind.items()
        )
        typer.echo(f"  maturity: {told}")
    for day in waiting:
        typer.echo(f"  {day.day} is not closed yet: {'; '.join(day.waits)}")
    show_findings(health.findings)


def show_findings(found: Iterable[FeedFinding]) -> None:
    """Findings, a line each."""
    for kind, findings in by_kind(found).items():
        for each in findings[:SHOWN_MAX]:
            typer.echo(f"  {_finding_line(each)}")
        if len(findings) > SHOWN_MAX:
            typer.echo(f"  and {len(findings) - SHOWN_MAX} more of the kind {kind}")


def _finding_line(each: FeedFinding) -> str:
    line = f":{each.line}" if each.line is not None else ""
    who = f" {each.record_id}" if each.record_id else ""
    where = f"{each.file or each.feed}{line}{who}"
    return f"{each.id} {each.severity} {each.kind} {where}: {each.detail}"


def finding_json(each: FeedFinding) -> dict[str, Any]:
    """One finding as the interface prints it."""
    return {
        "id": each.id,
        "provider": each.provider,
        "feed": each.feed,
        "kind": str(each.kind),
        "severity": str(each.severity),
        "file": each.file,
        "line": each.line,
        "record_id": each.record_id,
        "round_key": each.round_id,
        "window": each.covers and {"from": iso(each.covers.start), "to": iso(each.covers.end)},
        "detail": each.detail,
        "evidence": dict(each.evidence),
        "first_seen": iso(each.first_seen),
        "last_seen": iso(each.last_seen),
    }


def _feed_line(health: FeedHealth, each: FeedReach, now: datetime) -> str:
    reached = iso(each.watermark) if each.watermark else "nothing whole yet"
    return (
        f"{each.feed}: {reached}, {_rounded(each.lateness(now))} late, last read at"
        f" {iso(each.read_at)}, {each.arrivals} arrivals, {each.quarantined} in quarantine,"
        f" {health.gaps(each.feed)} gaps, {health.count(Severity.ERROR, each.feed)} errors,"
        f" {health.count(Severity.WARNING, each.feed)} warnings"
    )


def _rounded(age: timedelta) -> timedelta:
    return timedelta(seconds=int(age.total_seconds()))


def _feed_json(health: FeedHealth, each: FeedReach, now: datetime) -> dict[str, Any]:
    return {
        "feed": each.feed,
        "watermark": each.watermark and iso(each.watermark),
        "late_s": int(each.lateness(now).total_seconds()),
        "read_at": iso(each.read_at),
        "arrivals": each.arrivals,
        "quarantined": each.quarantined,
        "gaps": health.gaps(each.feed),
        "errors": health.count(Severity.ERROR, each.feed),
        "warnings": health.count(Severity.WARNING, each.feed),
    }


def _mark_json(mark: FeedWatermark) -> dict[str, Any]:
    return {
        "feed": mark.feed,
        "watermark": mark.watermark and iso(mark.watermark),
        "pulled_at": iso(mark.pulled_at),
        "records": mark.records,
    }
