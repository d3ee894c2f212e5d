"""Backups as metrics: how old they are, and whether a restore would work."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from ops.backups.check import BackupReport, check_backups
from ops.metrics.catalogue import Sample, sample
from ops.settings.model import Settings


def backup_samples(
    connection: Connection, settings: Settings, now: datetime
) -> Iterator[Sample]:
    """The backups as they are now; nothing where none are configured."""
    if settings.backup.kind != "none":
        yield from report_samples(check_backups(connection, settings.backup, now=now))


def report_samples(report: BackupReport) -> Iterator[Sample]:
    """A report as samples; an age that is not known has none."""
    yield sample("backup_findings", value=len(report.findings))
    if report.base_age_s is not None:
        yield sample("backup_base_age_seconds", value=report.base_age_s)
    if report.archive_age_s is not None:
        yield sample("backup_archive_age_seconds", value=report.archive_age_s)
