"""What a pull could not read, skipped or was told late is a finding until it is cured."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from feeds.coverage import list_unread
from feeds.findings import FeedFinding, FindingKind, open_findings
from feeds.pull.watermarks import BEGINNING
from tests.harness.providers.feed_api import NOON, a_round, a_session, listed, script
from tests.integration.feeds.test_pull_xigs import engine, pulled, short_pauses
from vocabulary.window import Window

__all__ = ["engine", "short_pauses"]

HOUR = timedelta(hours=1)
BAD = script([listed([a_session("s-1", a_round(1), a_round(2, bet=None))])])
GOOD = script([listed([a_session("s-1", a_round(1), a_round(2))])])
NOTHING = script([listed([])])


def standing(engine: Engine) -> list[FeedFinding]:
    with engine.connect() as connection:
        return open_findings(connection)


def kinds(engine: Engine) -> list[tuple[str, FindingKind]]:
    return [(each.feed, each.kind) for each in standing(engine)]


def not_read(engine: Engine) -> list[tuple[str, str]]:
    """What a run over the day before ``NOON`` says that it did not read."""
    day = Window(start=NOON - 24 * HOUR, end=NOON)
    with engine.connect() as connection:
        told = list_unread(connection, "xigs", day, NOON, stale_after=None)
    return [(each.feed, each.kind) for each in told]


def test_an_item_that_cannot_be_read_stands_until_its_window_is_read_again(
    engine: Engine,
) -> None:
    pulled(engine, BAD)
    (found,) = standing(engine)
    assert (found.feed, found.kind) == ("rounds", FindingKind.UNPARSABLE_RECORD)
    assert found.detail.startswith("page 1, data[0].rounds[1]: bet: ")
    assert found.covers == Window(start=BEGINNING, end=NOON)

    narrow = Window(start=NOON - HOUR, end=NOON)
    pulled(engine, NOTHING, now=NOON + HOUR, window=narrow)
    assert kinds(engine) == [("rounds", FindingKind.UNPARSABLE_RECORD)]

    pulled(engine, GOOD, now=NOON + 2 * HOUR)
    assert kinds(engine) == []


def test_time_that_no_pull_asked_for_is_a_gap_until_one_does(engine: Engine) -> None:
    pulled(engine, NOTHING, now=NOON - 5 * HOUR)
    pulled(engine, NOTHING, window=Window(start=NOON - 3 * HOUR, end=NOON))

    gaps = standing(engine)
    assert {each.feed for each in gaps} == {"deliveries", "rounds"}
    assert {(each.kind, each.covers) for each in gaps} == {
        (FindingKind.FEED_GAP, Window(start=NOON - 5 * HOUR, end=NOON - 3 * HOUR))
    }

    pulled(engine, NOTHING)
    assert kinds(engine) == []


def test_a_page_told_twice_stores_nothing_and_is_found(engine: Engine) -> None:
    page = [a_session("s-1", a_round(1)), a_session("s-2", a_round(2))]
    repeated = [listed(page, total=4), listed(page, index=2, total=4)]

    pulls, _ = pulled(engine, script(repeated))
    assert pulls["rounds"].error is not None
    assert kinds(engine) == [("rounds", FindingKind.DUPLICATE_PAGE)]
    assert not_read(engine) == [("rounds", "duplicate_page")]

    pulled(engine, script([listed(page)]))
    assert kinds(engine) == []
    assert not_read(engine) == []


def test_a_round_of_a_time_that_was_read_is_told_as_late_once(engine: Engine) -> None:
    pulled(engine, NOTHING, now=NOON - 2 * HOUR)
    told: dict[str, Any] = {"updatedAt": (NOON - HOUR).isoformat().replace("+00:00", "Z")}
    late = script([listed([a_session("s-1", a_round(1, **told))])])

    assert pulled(engine, late)[0]["rounds"].late == 1
    assert pulled(engine, late, now=NOON + HOUR)[0]["rounds"].late == 0
    with engine.connect() as connection:
        query = "SELECT record_id FROM feed_findings WHERE kind = 'late_record'"
        assert connection.execute(text(query)).scalars().all() == ["r-1"]
    assert kinds(engine) == []


@pytest.mark.parametrize("past", [False, True])
def test_a_person_lets_the_mark_pass_and_the_finding_stands(
    engine: Engine, *, past: bool
) -> None:
    pulled(engine, BAD, past_unreadable=past)
    pulled(engine, NOTHING, now=NOON + HOUR)

    unread = [each for each in standing(engine) if each.kind is FindingKind.UNPARSABLE_RECORD]
    assert len(unread) == int(past)
