"""Items of the scratch-card platform's lists are read one by one, whatever they contain."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feeds.pull.staging import MEMORY_BYTES, UNREADABLE_MAX, Staging, stage
from providers.outbound.pull import LoggedDelivery, UnreadableItem
from providers.outbound.replies import decode_reply
from providers.xigs.pages import Item
from providers.xigs.pull import delivery_of, rounds_of
from tests.harness.dialects.xigs import asked
from tests.harness.providers.feed_api import DELIVERY, ROUND, a_round
from vocabulary.facts import HistoryRecord

SINCE = datetime(2026, 6, 4, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)


def item(document: object) -> Item:
    decoded = decode_reply(json.dumps(document).encode())
    assert isinstance(decoded, dict)
    return Item(item_id="i-1", place="page 3, data[2]", document=decoded)


def rounds(session: dict[str, Any]) -> list[HistoryRecord | UnreadableItem]:
    return list(rounds_of(item(session), asked(), since=SINCE, until=UNTIL))


def logged(**changed: Any) -> LoggedDelivery | UnreadableItem:
    return delivery_of(item({**DELIVERY, **changed}), "W1")


def test_a_round_without_player_and_game_has_those_of_its_session() -> None:
    bare = {name: value for name, value in ROUND.items() if name != "userId"}

    (record,) = rounds({"userId": "usr_1", "gameId": "g-1", "rounds": [bare]})

    assert isinstance(record, HistoryRecord)
    assert (record.handle, record.game, record.stake.minor) == ("usr_1", "g-1", 250)
    assert json.loads(record.raw) == bare  # as received, with nothing put in


def test_the_player_and_game_of_the_round_win_over_those_of_the_session() -> None:
    session = {"userId": "usr_1", "gameId": "g-1", "rounds": [a_round(1, gameId="g-2")]}

    (record,) = rounds(session)

    assert isinstance(record, HistoryRecord)
    assert (record.handle, record.game) == ("usr_7c21", "g-2")


@pytest.mark.parametrize(
    ("session", "place", "reason"),
    [
        ({}, "page 3, data[2]", "rounds: a list"),
        ({"rounds": None}, "page 3, data[2]", "rounds: a list"),
        ({"rounds": {"a": 1}}, "page 3, data[2]", "rounds: a list"),
        ({"rounds": ["x"]}, "page 3, data[2].rounds[0]", "round: an object"),
        ({"rounds": [{}]}, "page 3, data[2].rounds[0]", "round: these fields are missing"),
        ({"rounds": [a_round(1, updatedAt=5)]}, "page 3, data[2].rounds[0]", "updatedAt: "),
        ({"rounds": [a_round(1, status="won")]}, "page 3, data[2].rounds[0]", "status: one"),
        (
            {"rounds": [a_round(1, __proto__=1)]},
            "page 3, data[2].rounds[0]",
            "body: keys that a signature",
        ),
    ],
)
def test_an_unreadable_session_or_round_is_a_finding_with_its_place(
    session: dict[str, Any], place: str, reason: str
) -> None:
    (finding,) = rounds(session)

    assert isinstance(finding, UnreadableItem)
    assert finding.place == place
    assert finding.reason.startswith(reason)


def test_an_unreadable_round_is_a_finding_only_in_the_window_of_its_time() -> None:
    def findings_at(updated_at: str) -> int:
        return len(rounds({"rounds": [a_round(1, bet="x", updatedAt=updated_at)]}))

    assert findings_at("2026-06-04T00:00:00Z") == 1
    assert findings_at("2026-06-05T00:00:00Z") == 0
    assert findings_at("2026-06-03T23:59:59Z") == 0
    assert findings_at("some day") == 1


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_round_whose_date_stands_for_none_is_a_finding_in_every_window(never: str) -> None:
    for changed in ({"updatedAt": never}, {"createdAt": never}):
        (finding,) = rounds({"rounds": [a_round(1, **changed)]})

        assert isinstance(finding, UnreadableItem)
        assert "a year from 1900 to 9998 is expected" in finding.reason


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"eventType": 7}, "eventType"),
        ({"eventType": ""}, "eventType"),
        ({"responseCode": 1000}, "responseCode"),
        ({"responseCode": -1}, "responseCode"),
        ({"responseCode": 200.5}, "responseCode"),
        ({"success": "yes"}, "success"),
        ({"timestamp": None}, "timestamp"),
        ({"timestamp": "2026-06-04 09:30"}, "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "timestamp"),
        ({"retryCount": 1_000_001}, "retryCount"),
        ({"eventType": None}, "eventType"),
    ],
)
def test_an_unreadable_delivery_is_a_finding(changed: dict[str, Any], field: str) -> None:
    finding = logged(**changed)

    assert isinstance(finding, UnreadableItem)
    assert (finding.place, finding.reason.split(":")[0]) == ("page 3, data[2]", field)


def test_a_delivery_without_a_response_has_not_succeeded() -> None:
    delivery = logged(responseCode=None, responseBody=None, success=None, retryCount=None)

    assert isinstance(delivery, LoggedDelivery)
    assert (delivery.response_code, delivery.response_body) == (None, b"")
    assert (delivery.success, delivery.retry_count) == (False, 0)


@pytest.mark.parametrize(
    ("payload", "stored"),
    [
        ("as text é", "as text é".encode()),
        ({"b": 1, "a": [True, None]}, b'{"b":1,"a":[true,null]}'),
        ("half \ud800", b"half \\ud800"),
        (None, b""),
    ],
)
def test_a_payload_is_stored_as_it_was_logged(payload: Any, stored: bytes) -> None:
    delivery = logged(payload=payload)

    assert isinstance(delivery, LoggedDelivery)
    assert delivery.payload == stored


def test_a_payload_nested_too_deeply_is_a_finding() -> None:
    deep: Any = "x"
    for _ in range(700):
        deep = [deep]
    document: Any = {**DELIVERY, "payload": deep}

    finding = delivery_of(Item(item_id="i", place="page 1, data[0]", document=document), "W1")

    assert finding == UnreadableItem(
        "page 1, data[0]", "payload: nesting within reason is expected"
    )


def test_staged_items_can_be_read_repeatedly_in_order() -> None:
    (record,) = rounds({"rounds": [a_round(1)]})
    delivery = logged(payload="x" * (MEMORY_BYTES // 4))
    assert isinstance(record, HistoryRecord)
    assert isinstance(delivery, LoggedDelivery)

    with Staging(HistoryRecord) as records, Staging(LoggedDelivery) as deliveries:
        records.add(record)
        for _ in range(6):  # more than is kept in memory
            deliveries.add(delivery)

        assert (list(records), list(records), records.items) == ([record], [record], 1)
        assert list(deliveries) == [delivery] * 6


def test_unreadable_items_are_counted_and_the_first_are_kept() -> None:
    async def stream() -> AsyncIterator[HistoryRecord | UnreadableItem]:
        for number in range(UNREADABLE_MAX + 5):
            yield UnreadableItem(f"page {number}", "a round is expected")

    with Staging(HistoryRecord) as staging:
        unreadable = asyncio.run(stage(stream(), staging))

    assert (unreadable.count, len(unreadable.first), staging.items) == (
        UNREADABLE_MAX + 5,
        UNREADABLE_MAX,
        0,
    )
    assert unreadable.first[0].place == "page 0"
