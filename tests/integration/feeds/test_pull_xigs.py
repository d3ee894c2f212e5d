"""Pulls of the scratch-card platform's history are stored whole or not at all, without gaps."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from feeds.pull.watermarks import BEGINNING, list_watermarks
from ops.providers.feed_pull import FeedPull, pull_feeds
from storage.engine import open_engine
from tests.harness.providers.api_server import ApiServer, Scripted, served
from tests.harness.providers.feed_api import (
    DELIVERY,
    LOG,
    NOON,
    SESSIONS,
    a_round,
    a_session,
    listed,
    script,
    xigs_at,
)
from vocabulary.clock import FrozenClock
from vocabulary.errors import ApiRefused, ApiUnavailable, ApiUnreadable
from vocabulary.window import Window

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
FAILS = Scripted(status=500)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def pulled(
    engine: Engine,
    answers: Mapping[str, list[Scripted]],
    *,
    now: datetime = NOON,
    window: Window | None = None,
    past_unreadable: bool = False,
    **settings: Any,
) -> tuple[dict[str, FeedPull], ApiServer]:
    """The pull of each feed, and the server with the requests it got."""

    async def play() -> tuple[tuple[FeedPull, ...], ApiServer]:
        async with served(answers) as server:
            entry = xigs_at(server.url, **settings)
            pulls = await asyncio.to_thread(
                pull_feeds,
                engine,
                entry,
                window=window,
                past_unreadable=past_unreadable,
                clock=FrozenClock(now),
            )
        return pulls, server

    pulls, server = asyncio.run(play())
    return {pull.feed: pull for pull in pulls}, server


def records(engine: Engine) -> list[tuple[Any, ...]]:
    query = "SELECT record_id, stake, payout, source FROM feed_records ORDER BY record_id"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def deliveries(engine: Engine) -> list[dict[str, Any]]:
    query = "SELECT * FROM provider_deliveries ORDER BY delivery_id"
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def marks(engine: Engine) -> dict[str, datetime | None]:
    with engine.connect() as connection:
        return {mark.feed: mark.watermark for mark in list_watermarks(connection)}


def test_sessions_become_records_page_by_page_and_the_watermark_moves(engine: Engine) -> None:
    pages = [
        listed([a_session("s-1", a_round(1), a_round(2, status="open"))], total=2),
        listed([a_session("s-2", a_round(3))], index=2, total=2),
    ]

    pulls, server = pulled(engine, script(pages))

    assert records(engine) == [
        ("r-1", 250, 4000, "pull"),
        ("r-2", 250, 0, "pull"),
        ("r-3", 250, 4000, "pull"),
    ]
    assert (pulls["rounds"].received, pulls["rounds"].stored) == (3, 3)
    assert pulls["rounds"].window == Window(start=BEGINNING, end=NOON)
    assert pulls["rounds"].watermark == NOON
    assert marks(engine) == {"deliveries": NOON, "rounds": NOON}
    assert server.paths().count("/v1/auth/login") == 1


def test_a_round_on_two_pages_is_one_record(engine: Engine) -> None:
    pages = [
        listed([a_session("s-1", a_round(1))], total=2),
        listed([a_session("s-1", a_round(1))], index=2, total=2),
    ]

    pulls, _ = pulled(engine, script(pages))

    assert [row[0] for row in records(engine)] == ["r-1"]
    assert (pulls["rounds"].received, pulls["rounds"].stored) == (2, 1)


def test_a_pull_that_fails_halfway_stores_nothing_and_the_next_catches_up(
    engine: Engine,
) -> None:
    first = listed([a_session("s-1", a_round(1))], total=2)
    pulled(engine, script([listed([])]), now=NOON - 2 * HOUR)

    pulls, _ = pulled(engine, script([first, FAILS]))

    error = pulls["rounds"].error
    assert isinstance(error, ApiUnavailable)
    assert (error.provider, error.endpoint) == ("xigs", "GET /v1/game/session")
    assert (error.attempts, error.status) == (2, 500)
    assert records(engine) == []
    assert marks(engine) == {"deliveries": NOON, "rounds": NOON - 2 * HOUR}

    second = listed([a_session("s-2", a_round(2))], index=2, total=2)
    settled = {"updatedAt": "2026-06-04T11:59:59Z"}
    pulls, _ = pulled(engine, script([first, second]), now=NOON + MINUTE)
    assert pulls["rounds"].window.start == NOON - 3 * HOUR
    assert [row[0] for row in records(engine)] == ["r-1", "r-2"]
    assert marks(engine)["rounds"] == NOON + MINUTE

    late = listed([a_session("s-3", a_round(3, **settled))])
    pulled(engine, script([late]), now=NOON + 2 * MINUTE)
    assert [row[0] for row in records(engine)] == ["r-1", "r-2", "r-3"]


def test_the_failure_of_one_feed_leaves_the_other_alone(engine: Engine) -> None:
    sessions = [listed([a_session("s-1", a_round(1))])]

    pulls, _ = pulled(engine, script(sessions, [Scripted(status=403)]))

    assert isinstance(pulls["deliveries"].error, ApiRefused)
    assert pulls["rounds"].error is None
    assert [row[0] for row in records(engine)] == ["r-1"]
    assert marks(engine) == {"rounds": NOON}


@pytest.mark.parametrize(
    "answer",
    [
        listed([a_session("s-1", a_round(1))], total=7),
        Scripted(body=b"<html><body>Log in</body></html>"),
        Scripted(body=b'{"status":"success","data":[{"rounds":[]}]}'),
    ],
    ids=["ends before its announced end", "a web page", "sessions without ids"],
)
def test_an_undocumented_answer_stores_nothing_and_moves_no_watermark(
    engine: Engine, answer: Scripted
) -> None:
    pulls, _ = pulled(engine, script([answer]))

    assert isinstance(pulls["rounds"].error, ApiUnreadable)
    assert records(engine) == []
    assert "rounds" not in marks(engine)


def test_the_overlap_is_read_again_and_harms_nothing(engine: Engine) -> None:
    sessions = [a_session("s-1", a_round(1), a_round(2, updatedAt="2026-06-04T11:30:00Z"))]
    pulled(engine, script([listed(sessions)]))

    again, _ = pulled(engine, script([listed(sessions)]), now=NOON + MINUTE)
    wide, _ = pulled(engine, script([listed(sessions)]), now=NOON + MINUTE, feed_overlap="1d")

    assert again["rounds"].window == Window(start=NOON - HOUR, end=NOON + MINUTE)
    assert (again["rounds"].received, again["rounds"].stored) == (1, 0)
    assert (wide["rounds"].received, wide["rounds"].stored) == (2, 0)


def test_a_changed_round_replaces_its_older_version(engine: Engine) -> None:
    opened = a_round(1, status="open", prize=None, updatedAt="2026-06-04T11:30:00Z")
    pulled(engine, script([listed([a_session("s-1", opened)])]))
    closed = a_round(1, updatedAt="2026-06-04T12:00:30Z")

    pulled(engine, script([listed([a_session("s-1", closed)])]), now=NOON + MINUTE)

    assert records(engine) == [("r-1", 250, 4000, "pull")]


def test_an_unreadable_round_holds_the_watermark_until_it_is_read(
    engine: Engine,
) -> None:
    bad = a_round(2, bet="1e3")
    pages = script([listed([a_session("s-0"), a_session("s-1", a_round(1), bad)])])

    for _ in range(2):
        pulls, _ = pulled(engine, pages)
        (finding,) = pulls["rounds"].findings.first
        assert finding.place == "page 1, data[1].rounds[1]"
        assert finding.reason.startswith("bet: ")
        assert "1e3" not in finding.reason
        assert [row[0] for row in records(engine)] == ["r-1"]
        assert marks(engine) == {"deliveries": NOON, "rounds": None}

    good = script([listed([a_session("s-1", a_round(1), a_round(2))])])
    pulls, _ = pulled(engine, good, now=NOON + MINUTE)
    assert pulls["rounds"].window.start == BEGINNING
    assert [row[0] for row in records(engine)] == ["r-1", "r-2"]
    assert marks(engine)["rounds"] == NOON + MINUTE


def test_a_person_can_let_the_watermark_pass_an_unreadable_round(engine: Engine) -> None:
    pages = script([listed([a_session("s-1", a_round(1), a_round(2, bet="1e3"))])])

    pulls, _ = pulled(engine, pages, past_unreadable=True)
    later, _ = pulled(engine, pages, now=NOON + MINUTE)

    assert (pulls["rounds"].findings.count, pulls["rounds"].watermark) == (1, NOON)
    assert later["rounds"].findings.count == 0  # its time is outside the window by now


def test_a_window_after_the_watermark_is_stored_but_does_not_move_it(
    engine: Engine,
) -> None:
    pulled(engine, script([listed([])]), now=NOON - 5 * HOUR)
    pages = script([listed([a_session("s-1", a_round(1))])])
    ahead = Window(start=NOON - 3 * HOUR, end=NOON)
    across = Window(start=NOON - 6 * HOUR, end=NOON - 4 * HOUR)
    behind = Window(start=NOON - 9 * HOUR, end=NOON - 8 * HOUR)

    for window, mark in ((ahead, 5), (across, 4), (behind, 4)):
        pulled(engine, pages, window=window)
        assert marks(engine)["rounds"] == NOON - mark * HOUR

    assert [row[0] for row in records(engine)] == ["r-1"]


def test_only_rounds_of_the_window_are_stored(engine: Engine) -> None:
    times = ("09:59:59", "10:00:00", "10:59:59", "11:00:00")
    items = [a_round(n, updatedAt=f"2026-06-04T{when}Z") for n, when in enumerate(times)]
    window = Window(start=NOON - 2 * HOUR, end=NOON - HOUR)

    pulled(engine, script([listed([a_session("s-1", *items)])]), window=window)

    assert [row[0] for row in records(engine)] == ["r-1", "r-2"]


def test_the_delivery_log_is_stored_as_reported(engine: Engine) -> None:
    unanswered = {
        "id": "d-2",
        "eventType": "close-round",
        "payload": "roundId=r-1",
        "responseCode": None,
        "responseBody": None,
        "success": False,
        "timestamp": "2026-06-04T09:31:00Z",
        "retryCount": 3,
    }

    pulls, server = pulled(engine, script([listed([])], [listed([DELIVERY, unanswered])]))

    answered, unanswered_row = deliveries(engine)
    assert bytes(answered["payload"]) == b'{"roundId":"r-1","amount":2.5,"userId":"usr_7c21"}'
    assert (answered["webhook_id"], answered["event_type"]) == ("W1", "open-round")
    assert (answered["response_code"], answered["success"]) == (200, True)
    assert bytes(answered["response_body"]).startswith(b'{"status":"success"')
    assert (bytes(unanswered_row["payload"]), bytes(unanswered_row["response_body"])) == (
        b"roundId=r-1",
        b"",
    )
    assert (unanswered_row["response_code"], unanswered_row["retry_count"]) == (None, 3)
    assert (pulls["deliveries"].received, pulls["deliveries"].stored) == (2, 2)
    days = "dateStart=1970-01-01&dateEnd=2026-06-05"
    assert server.paths()[-1] == f"{LOG}?{days}&pageIndex=1&pageSize=100"


def test_the_latest_attempt_of_a_delivery_counts(
    engine: Engine,
) -> None:
    def pull_log(minutes: int, **changed: Any) -> FeedPull:
        answers = script([listed([])], [listed([{**DELIVERY, **changed}])])
        return pulled(engine, answers, now=NOON + minutes * MINUTE)[0]["deliveries"]

    assert pull_log(0, responseCode=500, success=False, retryCount=1).stored == 1
    assert pull_log(1, retryCount=2).stored == 1
    assert pull_log(2, retryCount=2).stored == 0
    assert pull_log(3, responseCode=500, success=False, retryCount=1).stored == 0
    (row,) = deliveries(engine)
    assert (row["response_code"], row["retry_count"]) == (200, 2)


def test_an_unreadable_delivery_is_a_finding_and_the_others_are_stored(engine: Engine) -> None:
    broken = {**DELIVERY, "id": "d-0", "timestamp": "yesterday"}

    pulls, _ = pulled(engine, script([listed([])], [listed([broken, DELIVERY])]))

    (finding,) = pulls["deliveries"].findings.first
    assert (finding.place, finding.reason.split(":")[0]) == ("page 1, data[0]", "timestamp")
    assert [row["delivery_id"] for row in deliveries(engine)] == ["d-1"]
    assert marks(engine) == {"deliveries": None, "rounds": NOON}


def test_every_page_is_requested_with_its_rounds(engine: Engine) -> None:
    _, server = pulled(engine, script([listed([])]))

    assert f"{SESSIONS}?showRoundsAndTransactions=true&pageIndex=1&pageSize=100" in (
        server.paths()
    )
