"""Instants as every provider writes them."""

from datetime import UTC, datetime


def instant_text(instant: datetime) -> str:
    """ISO 8601 in UTC with milliseconds: ``2026-06-04T09:30:00.000Z``."""
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
