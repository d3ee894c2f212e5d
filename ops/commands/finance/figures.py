"""``tieout figures``: daily figures as regulators ask for them."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Connection

from ledger.queries.daily_figures import DailyFigures, daily_figures, unposted_batches
from ops.commands.database import open_books
from ops.commands.option_values import read_business_day, read_month
from ops.commands.options import AsJson
from ops.commands.tables import wide_table
from ops.context import context_of
from ops.scheduling.business_days import business_day_of, needs_signature
from ops.settings.model import Settings
from reconcile.totals.render import unposted_text
from reports.files.formulas import escape_formula
from storage.transactions import snapshot
from vocabulary.clock import SystemClock
from vocabulary.currencies import Exponents, digits_of
from vocabulary.errors import Malformed
from vocabulary.money import text_from_minor
from vocabulary.window import day_window

_AMOUNTS = (
    *("stakes", "payouts", "ggr", "corrections", "deposits", "withdrawals"),
    *("player_funds", "player_debts"),
)


class FiguresFormat(StrEnum):
    """How the figures are written; a closed set."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresReport:
    """Daily figures with the providers' days that are not signed.

    Attributes:
        unsigned: by day of the operator's zone, each provider's days that overlap it.
        unposted: accepted batches whose entries are missing.
        exponents: of currencies outside ISO 4217.
    """

    zone: str
    days: Sequence[DailyFigures]
    unsigned: dict[date, list[str]]
    unposted: int
    exponents: Exponents

    @property
    def ties(self) -> bool:
        """Whether entries and operations say the same."""
        return not any(figures.residual for figures in self.days)


def figures(
    ctx: typer.Context,
    *,
    day: Annotated[
        str | None, typer.Option(help="A date, today or yesterday, in the operator's zone.")
    ] = None,
    month: Annotated[str | None, typer.Option(help="A month such as 2026-06.")] = None,
    target: Annotated[
        FiguresFormat | None, typer.Option("--format", help="Else a table.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file; else standard output.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add up stakes, payouts, GGR and player funds at midnight, by day and currency.

    Exits 1 if entries and operations disagree.
    """
    settings = context_of(ctx).settings
    first, last = _period(settings, day, month)
    with snapshot(open_books(ctx), "figures") as connection:
        report = _report(connection, settings, first, last)
    _write(report, FiguresFormat.JSON if as_json else target, out)
    _print_residuals(report)
    raise typer.Exit(0 if report.ties else 1)


def _period(settings: Settings, day: str | None, month: str | None) -> tuple[date, date]:
    """The chosen days, without those that have not begun."""
    if (day is None) == (month is None):
        raise Malformed("--day", "either --day or --month is expected")
    now, zone = SystemClock().now(), settings.reporting.zone
    if month is not None:
        first, last = read_month(month, "--month")
    else:
        first = last = read_business_day(day or "", zone, now)
    today = now.astimezone(ZoneInfo(zone)).date()
    if first > today:
        raise Malformed("--day" if month is None else "--month", f"{first} has not begun")
    return first, min(last, today)


def _report(
    connection: Connection, settings: Settings, first: date, last: date
) -> FiguresReport:
    zone = ZoneInfo(settings.reporting.zone)
    days = daily_figures(connection, first, last, zone)
    return FiguresReport(
        zone=zone.key,
        days=days,
        unsigned={
            day: _unsigned(connection, settings, day, zone)
            for day in sorted({figures.day for figures in days})
        },
        unposted=unposted_batches(connection),
        exponents=settings.exponents,
    )


def _unsigned(
    connection: Connection, settings: Settings, day: date, zone: ZoneInfo
) -> list[str]:
    """The providers' days that overlap a day of the operator and are not signed."""
    window, now = day_window(day, zone), SystemClock().now()
    unsigned = []
    for entry in settings.providers:
        for near in (day - timedelta(days=1), day, day + timedelta(days=1)):
            theirs = day_window(near, ZoneInfo(entry.timezone))
            if theirs.start < window.end and theirs.end > window.start:
                status = business_day_of(connection, entry, near, now)
                if needs_signature(connection, status):
                    unsigned.append(f"{entry.slug} {near} ({status.state})")
    return unsigned


def _write(report: FiguresReport, target: FiguresFormat | None, out: Path | None) -> None:
    if target is None and out is None:
        _print_table(report)
        return
    as_text = _json_text if target is FiguresFormat.JSON else _csv_text
    if out is None:
        typer.echo(as_text(report), nl=False)
        return
    try:
        out.write_text(as_text(report), encoding="utf-8", newline="")
    except OSError as error:
        raise Malformed("--out", f"{out} cannot be written") from error


def _print_table(report: FiguresReport) -> None:
    columns = ("day", "currency", *(name.replace("_", " ") for name in _AMOUNTS), "signed")
    rows = (
        [
            *(str(figures.day), figures.currency, *_texts(report, figures)),
            "no" if report.unsigned[figures.day] else "yes",
        ]
        for figures in report.days
    )
    wide_table(columns, rows, left=2, empty="nothing was booked on these days")
    for day, names in report.unsigned.items():
        if names:
            typer.echo(f"{day}: not signed: {', '.join(names)}")


def _csv_text(report: FiguresReport) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(("day", "currency", *_AMOUNTS, "signed", "not_signed"))
    for figures in report.days:
        names = report.unsigned[figures.day]
        marks = ("no" if names else "yes", escape_formula("; ".join(names)))
        writer.writerow((figures.day, figures.currency, *_texts(report, figures), *marks))
    return stream.getvalue()


def _json_text(report: FiguresReport) -> str:
    document = {
        "zone": report.zone,
        "ties": report.ties,
        "unposted_batches": report.unposted,
        "days": [_json_of(report, figures) for figures in report.days],
    }
    return json.dumps(document, indent=2) + "\n"


def _json_of(report: FiguresReport, figures: DailyFigures) -> dict[str, Any]:
    digits = digits_of(figures.currency, report.exponents)
    return {
        "day": str(figures.day),
        "currency": figures.currency,
        **dict(zip(_AMOUNTS, _texts(report, figures), strict=True)),
        "residual": {
            name: text_from_minor(minor, digits) for name, minor in figures.residual.items()
        },
        "signed": not report.unsigned[figures.day],
        "not_signed": report.unsigned[figures.day],
    }


def _texts(report: FiguresReport, figures: DailyFigures) -> list[str]:
    digits = digits_of(figures.currency, report.exponents)
    return [text_from_minor(getattr(figures, name), digits) for name in _AMOUNTS]


def _print_residuals(report: FiguresReport) -> None:
    for figures in report.days:
        digits = digits_of(figures.currency, report.exponents)
        for name, minor in figures.residual.items():
            typer.echo(
                f"{figures.day} {figures.currency}: entries have"
                f" {text_from_minor(minor, digits)} more {name} than operations",
                err=True,
            )
    if report.unposted:
        typer.echo(unposted_text(report.unposted), err=True)
