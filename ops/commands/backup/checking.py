"""``tieout backup check``: would a restore work, and how much would it lose?"""

from dataclasses import asdict

import typer

from ops.backups.check import BackupReport, check_backups
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Prometheus
from ops.context import context_of
from ops.metrics.backups import report_samples
from ops.metrics.catalogue import PARTS, exposition
from storage.transactions import reading
from vocabulary.clock import SystemClock


def check(
    ctx: typer.Context, *, as_json: AsJson = False, prometheus: Prometheus = False
) -> None:
    """Check the age of base backup and archived log, and that the archive has no gap.

    Exit 1 with the reasons if a restore would fail or lose too much.
    """
    settings = context_of(ctx).settings.backup
    with reading(open_books(ctx), "backup") as connection:
        report = check_backups(connection, settings, now=SystemClock().now())
    if prometheus:
        typer.echo(exposition(PARTS["backup"], report_samples(report)), nl=False)
    elif as_json:
        print_json({"clean": not report.findings, **asdict(report)})
    else:
        _print(report)
    raise typer.Exit(1 if report.findings else 0)


def _print(report: BackupReport) -> None:
    typer.echo(f"base backup {report.last_base or 'none'}: {_age(report.base_age_s)}")
    typer.echo(f"archived log {report.last_segment or 'none'}: {_age(report.archive_age_s)}")
    for finding in report.findings:
        typer.echo(f"FAIL {finding}")


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {rest:02d} s ago"
