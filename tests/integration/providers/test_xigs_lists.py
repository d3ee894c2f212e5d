"""The scratch-card platform's lists: read to their announced end, page by page, or refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date

import pytest

from providers.xigs.pages import PAGE_ITEMS, Item
from tests.harness.providers.api_server import Scripted
from tests.harness.providers.xigs_admin import XigsAdminClient
from tests.harness.providers.xigs_api import all_of, page, play, success
from vocabulary.errors import ApiUnreadable


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


#: Per list: the action, its path, the query, and what its items are named by.
LISTS: dict[str, tuple[Callable[[XigsAdminClient], AsyncIterator[Item]], str, str, str]] = {
    "profiles": (lambda c: c.profiles(), "/v1/profile", "", "profileId"),
    "users": (
        lambda c: c.users(since=date(2026, 6, 1), until=date(2026, 6, 4), user_id="U 1"),
        "/v1/user",
        "dateStart=2026-06-01&dateEnd=2026-06-04&userId=U+1&",
        "userId",
    ),
    "sessions": (
        lambda c: c.sessions(game_id="G", rounds=True),
        "/v1/game/session",
        "gameId=G&showRoundsAndTransactions=true&",
        "sessionId",
    ),
    "transactions": (
        lambda c: c.transactions(since=date(2026, 6, 1)),
        "/v1/transaction",
        "dateStart=2026-06-01&",
        "transactionId",
    ),
    "webhooks": (lambda c: c.webhooks(), "/v1/webhook", "", "id"),
    "webhook log": (
        lambda c: c.webhook_log("W/1", status="failed"),
        "/v1/webhook/W/1",
        "status=failed&",
        "id",
    ),
}
every_list = pytest.mark.parametrize("name", LISTS)


@every_list
def test_a_list_is_read_to_its_end_page_by_page(name: str) -> None:
    listing, path, query, id_field = LISTS[name]
    first = [str(n) for n in range(PAGE_ITEMS)]
    pages = [
        page(first, index=1, total=PAGE_ITEMS + 1, id_field=id_field),
        Scripted(status=502),
        page(["last"], index=2, total=PAGE_ITEMS + 1, id_field=id_field),
    ]

    (ids,), server = asyncio.run(play({path: pages}, lambda c: all_of(listing(c))))

    asked = path.replace("W/1", "W%2F1")
    paths = [f"{asked}?{query}pageIndex={index}&pageSize=100" for index in (1, 2, 2)]
    assert ids == [*first, "last"]
    assert server.paths()[1:] == paths
    assert {seen.method for seen in server.seen[1:]} == {"GET"}
    assert {seen.headers["authorization"] for seen in server.seen[1:]} == {"Bearer access-1"}
    assert all("x-signed-request" not in seen.headers for seen in server.seen)


def test_an_empty_list_is_empty_and_items_keep_their_numbers_as_sent() -> None:
    async def whole(client: XigsAdminClient) -> list[Item]:
        return [item async for item in client.webhooks()]

    empty, _ = asyncio.run(play({"/v1/webhook": [page([], index=1, total=0)]}, whole))
    body = (
        b'{"status":"success","data":[{"id":7,"balance":0.10}],'
        b'"pagination":{"pageIndex":1,"pageSize":100,"totalCount":1,"totalPages":1}}'
    )
    ((item,),), _ = asyncio.run(play({"/v1/webhook": [Scripted(body=body)]}, whole))

    assert empty == [[]]
    assert (item.item_id, item.document["balance"]) == ("7", "0.10")
    assert "0.10" not in repr(item)


@pytest.mark.parametrize(
    ("pages", "place"),
    [
        ([page(["a"], index=2, total=1)], "pagination.pageIndex"),
        ([page(["a"], index=1, total=0)], "pagination.totalCount"),
        ([page(["a"], index=1, total=2), page([], index=2, total=2)], "pagination.totalCount"),
        ([page(["a"], index=1, total=9)], "pagination.pageIndex"),
        ([success([])], "pagination: a value"),
        ([success({})], "data: a list"),
        ([success([{"id": ""}])], "data[0].id: text"),
        ([success(["x"])], "data[0]: an object"),
        ([Scripted(body=b'{"status":"error","data":[]}')], "status: one of success"),
    ],
)
def test_a_list_that_ends_early_repeats_itself_or_is_no_list_is_unreadable(
    pages: list[Scripted], place: str
) -> None:
    (error,), _ = asyncio.run(play({"/v1/webhook": pages}, lambda c: all_of(c.webhooks())))

    assert isinstance(error, ApiUnreadable)
    assert place in str(error)


def test_a_list_from_which_an_item_goes_while_it_is_read_is_unreadable() -> None:
    first = [str(n) for n in range(PAGE_ITEMS)]
    moved = [str(n) for n in range(PAGE_ITEMS + 1, PAGE_ITEMS + 3)]
    pages = [page(first, index=1, total=PAGE_ITEMS + 3), page(moved, index=2, total=102)]

    (error,), _ = asyncio.run(play({"/v1/webhook": pages}, lambda c: all_of(c.webhooks())))

    assert isinstance(error, ApiUnreadable)
    assert "a list that becomes no shorter is expected" in str(error)
