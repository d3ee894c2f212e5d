"""A record that left for archives several times is shown as it left last."""

from datetime import UTC, datetime, timedelta
from typing import Any

from reports.find.away import newest_occurrences

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)


def row(occurrence: int, hour: int, payout: int) -> dict[str, Any]:
    received_at = NOON + timedelta(hours=hour)
    return {"occurrence": occurrence, "received_at": received_at, "payout": payout}


def test_a_record_that_changed_after_its_recall_is_shown_as_it_left_last() -> None:
    assert newest_occurrences([row(1, 0, 100), row(1, 5, 150)]) == [row(1, 5, 150)]
    assert newest_occurrences([row(1, 5, 150), row(1, 0, 100)]) == [row(1, 5, 150)]


def test_every_occurrence_of_a_record_is_shown() -> None:
    rows = [row(2, 1, 20), row(1, 3, 10), row(2, 0, 30)]

    assert newest_occurrences(rows) == [row(1, 3, 10), row(2, 1, 20)]


def test_a_record_that_came_back_unchanged_is_shown_once() -> None:
    assert newest_occurrences([row(1, 0, 100), row(1, 0, 100)]) == [row(1, 0, 100)]
