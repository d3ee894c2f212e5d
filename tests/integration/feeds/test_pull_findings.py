"""Unreadable items, gaps and late records of pulls are findings until their cause is gone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from feeds.coverage import list_unread
from feeds.finding_kinds import FindingKind
from feeds.findings import KEPT_MAX, FeedFinding, open_findings, resolve_finding
from feeds.pull.watermarks import BEGINNING
from tests.harness.providers.api_server import Scripted
from tests.harness.providers.feed_api import NOON, a_round, a_session, listed, script
from tests.integration.feeds.test_pull_xigs import engine, pulled, short_pauses
from vocabulary.window import Window

__all__ = ["engine", "short_pauses"]

HOUR = timedelta(hours=1)
BAD = script([listed([a_session("s-1", a_round(1), a_round(2, bet=None))])])
GOOD = script([listed([a_session("s-1", a_round(1), a_round(2))])])
NOTHING = script([listed([])])
PAGE = [a_session("s-1", a_round(1)), a_session("s-2", a_round(2))]
OTHER_PAGE = [a_session("s-3", a_round(3)), a_session("s-4", a_round(4))]


def open_now(engine: Engine) -> list[FeedFinding]:
    with engine.connect() as connection:
        return open_findings(connection)


def kinds(engine: Engine) -> list[tuple[str, FindingKind]]:
    return [(finding.feed, finding.kind) for finding in open_now(engine)]


def unread_kinds(engine: Engine) -> list[tuple[str, str]]:
    """The unread parts of a run over the day before ``NOON``."""
    day = Window(start=NOON - 24 * HOUR, end=NOON)
    with engine.connect() as connection:
        unread = list_unread(connection, "xigs", day, NOON, stale_after=None)
    return [(item.feed, item.kind) for item in unread]


def test_an_unreadable_item_is_a_finding_until_its_window_is_read_again(
    engine: Engine,
) -> None:
    pulled(engine, BAD)
    (finding,) = open_now(engine)
    assert (finding.feed, finding.kind) == ("rounds", FindingKind.UNPARSABLE_RECORD)
    assert finding.detail.startswith("page 1, data[0].rounds[1]: bet: ")
    assert finding.covers == Window(start=BEGINNING, end=NOON)

    narrow = Window(start=NOON - HOUR, end=NOON)
    pulled(engine, NOTHING, now=NOON + HOUR, window=narrow)
    assert kinds(engine) == [("rounds", FindingKind.UNPARSABLE_RECORD)]

    pulled(engine, GOOD, now=NOON + 2 * HOUR)
    assert kinds(engine) == []


def test_more_unreadable_items_than_are_kept_singly_are_counted(engine: Engine) -> None:
    rounds = [a_round(number, bet=None) for number in range(KEPT_MAX + 5)]

    pulled(engine, script([listed([a_session("s-1", *rounds)])]))

    findings = open_now(engine)
    assert len(findings) == KEPT_MAX
    assert [finding.evidence["more"] for finding in findings if finding.evidence] == [6]


def test_time_that_no_pull_asked_for_is_a_gap_until_one_does(engine: Engine) -> None:
    pulled(engine, NOTHING, now=NOON - 5 * HOUR)
    pulled(engine, NOTHING, window=Window(start=NOON - 3 * HOUR, end=NOON))

    gaps = open_now(engine)
    assert {gap.feed for gap in gaps} == {"deliveries", "rounds"}
    assert {(gap.kind, gap.covers) for gap in gaps} == {
        (FindingKind.FEED_GAP, Window(start=NOON - 5 * HOUR, end=NOON - 3 * HOUR))
    }

    pulled(engine, NOTHING)
    assert kinds(engine) == []


@pytest.mark.parametrize("between", [[], [OTHER_PAGE]], ids=["in a row", "in a circle"])
def test_a_repeated_page_stores_nothing_and_is_a_finding(
    engine: Engine, between: list[list[Any]]
) -> None:
    page = [a_session("s-1", a_round(1)), a_session("s-2", a_round(2))]
    pages = [page, *between, page]
    repeated = [
        listed(rows, index=number, total=2 * len(pages))
        for number, rows in enumerate(pages, start=1)
    ]

    pulls, _ = pulled(engine, script(repeated))
    assert pulls["rounds"].error is not None
    assert kinds(engine) == [("rounds", FindingKind.DUPLICATE_PAGE)]
    assert unread_kinds(engine) == [("rounds", "duplicate_page")]

    pulled(engine, script([listed(page)]))
    assert kinds(engine) == []
    assert unread_kinds(engine) == []


@pytest.mark.parametrize(
    "answers",
    [
        script([Scripted(status=403)]),
        script([listed(PAGE, total=4), listed(PAGE, index=2, total=4)]),
    ],
    ids=["refused", "a page twice"],
)
def test_a_failure_that_a_person_resolved_hides_none_after_the_next_pull(
    engine: Engine, answers: Mapping[str, list[Scripted]]
) -> None:
    pulled(engine, NOTHING, now=NOON - HOUR)
    for hours in (0, 1):
        pulled(engine, answers, now=NOON + hours * HOUR)
        if hours == 0:
            (finding,) = open_now(engine)
            with engine.begin() as connection:
                resolve_finding(connection, finding.id, by="maria: maintenance", now=NOON)
    assert open_now(engine) == []  # the same outage

    pulled(engine, NOTHING, now=NOON + 2 * HOUR)
    pulled(engine, answers, now=NOON + 3 * HOUR)

    assert [feed for feed, _ in kinds(engine)] == ["rounds"]


def test_a_new_round_of_a_time_that_was_read_is_late_once(engine: Engine) -> None:
    pulled(engine, NOTHING, now=NOON - 2 * HOUR)
    changes: dict[str, Any] = {"updatedAt": (NOON - HOUR).isoformat().replace("+00:00", "Z")}
    late = script([listed([a_session("s-1", a_round(1, **changes))])])

    assert pulled(engine, late)[0]["rounds"].late == 1
    assert pulled(engine, late, now=NOON + HOUR)[0]["rounds"].late == 0
    with engine.connect() as connection:
        query = "SELECT record_id FROM feed_findings WHERE kind = 'late_record'"
        assert connection.execute(text(query)).scalars().all() == ["r-1"]
    assert kinds(engine) == []


@pytest.mark.parametrize("past", [False, True])
def test_a_finding_stays_open_when_a_person_lets_the_watermark_pass(
    engine: Engine, *, past: bool
) -> None:
    pulled(engine, BAD, past_unreadable=past)
    pulled(engine, NOTHING, now=NOON + HOUR)

    unparsable = [
        finding for finding in open_now(engine) if finding.kind is FindingKind.UNPARSABLE_RECORD
    ]
    assert len(unparsable) == int(past)
