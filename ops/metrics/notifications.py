"""Notifications as metrics: by rule, what waits and what was given up."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from ops.metrics.catalogue import Sample, sample
from ops.settings.model import Settings
from reports.notifications.outbox import status


def notification_samples(
    connection: Connection, settings: Settings, _now: datetime
) -> Iterator[Sample]:
    """Messages that are not sent, by rule; configured rules without any have zeros."""
    statuses = {row.rule: row for row in status(connection)}
    for name in sorted({rule.name for rule in settings.notify} | set(statuses)):
        row = statuses.get(name)
        yield sample("notifications", name, "waiting", value=row.waiting if row else 0)
        yield sample("notifications", name, "given_up", value=row.given_up if row else 0)
