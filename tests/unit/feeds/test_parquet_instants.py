"""Days and times of Parquet files, each in a column of its own type."""

import io
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.statements.reading.file_format import FileRules
from providers.sportsbook.feed import COLUMNS
from tests.unit.feeds.statement_files import BET, ids, problems, read, values
from vocabulary.facts import HistoryRecord

IN_TWO = FileRules(zone=ZoneInfo("UTC"), columns={"created_at": ("created_at", "time")})
DAY = pa.array([date(2026, 6, 4)])


def parquet(**typed: Any) -> bytes:
    texts = {name: pa.array([text]) for name, text in zip(COLUMNS, values(BET), strict=True)}
    out = io.BytesIO()
    pq.write_table(pa.table({**texts, **typed}), out)
    return out.getvalue()


@pytest.mark.parametrize("kind", [pa.time32("s"), pa.time32("ms"), pa.time64("us")])
def test_a_day_and_a_time_of_their_own_types_are_an_instant(kind: Any) -> None:
    data = parquet(created_at=DAY, time=pa.array([time(9, 30, 15)], kind))

    lines = read(data, "day.parquet", IN_TWO)

    (record,) = lines
    assert isinstance(record, HistoryRecord), record
    assert record.created_at == datetime(2026, 6, 4, 9, 30, 15, tzinfo=UTC)
    assert record.raw.endswith(b'"2026-06-04", "09:30:15"]')


@pytest.mark.parametrize("rules", [IN_TWO, FileRules(zone=ZoneInfo("UTC"))])
def test_a_day_without_a_time_is_a_finding_that_shows_the_day(rules: FileRules) -> None:
    data = parquet(created_at=DAY, time=pa.array([None], pa.time64("us")))

    lines = read(data, "day.parquet", rules)

    assert ids(lines) == []
    ((_, _, reason),) = problems(lines)
    assert reason.endswith('Z is expected; found "2026-06-04"')


def test_a_day_is_no_id_and_no_amount() -> None:
    for name in ("transaction_id", "amount"):
        ((_, _, reason),) = problems(read(parquet(**{name: DAY}), "day.parquet"))

        assert reason.startswith(f"{name}: an ")
        assert reason.endswith('is expected, not a date; found "2026-06-04"')
