"""Unreadable pushed history is a finding until it is read; a push may restate a closed day."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from feeds.day_close import close_day
from feeds.finding_kinds import FindingKind
from feeds.findings import findings_in, open_findings
from feeds.push import record_unreadable, store_pushed
from storage.engine import open_engine
from tests.integration.feeds.test_day_close import DAY, EVENING, OF_DAY, record
from vocabulary.errors import Malformed


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def test_an_unreadable_delivery_is_a_finding_until_it_is_read(engine: Engine) -> None:
    with engine.begin() as connection:
        record_unreadable(
            connection, "agg", 7, Malformed("_id", "text is expected"), now=EVENING
        )
        record_unreadable(connection, "agg", 8, ValueError("canary content"), now=EVENING)

        details = [finding.detail for finding in findings_in(connection, "agg", OF_DAY)]
        assert sorted(details) == [
            "delivery 7: _id: text is expected",
            "delivery 8: ValueError",
        ]

        store_pushed(connection, "agg", [record("a")], deliveries=[7, 9], now=EVENING)
        assert [finding.detail for finding in open_findings(connection)] == [
            "delivery 8: ValueError"
        ]


def test_a_push_into_a_closed_day_is_a_restatement(engine: Engine) -> None:
    with engine.begin() as connection:
        close_day(connection, "agg", DAY, window=OF_DAY, run_id=None, now=EVENING)
        later = EVENING + timedelta(minutes=1)
        store_pushed(connection, "agg", [record("a")], deliveries=[1], now=later)

        (finding,) = open_findings(connection)
        assert (finding.kind, finding.record_id) == (FindingKind.RESTATED_AFTER_CLOSE, "a")
