"""The scratch-card platform's API with a script, and a client speaking with it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from providers.xigs.pages import PAGE_ITEMS, Item
from tests.harness.providers.api_server import ApiServer, Scripted, outbound, served
from tests.harness.providers.xigs_admin import XigsAdminClient
from vocabulary.clock import FrozenClock
from vocabulary.errors import ApiError

KEY = "canary-key"
NOON = datetime(2026, 6, 4, 12, 0, 0, tzinfo=UTC)
LOGIN = "/v1/auth/login"


def success(data: object, *, status: int = 200, **more: object) -> Scripted:
    document = {"status": "success", "data": data, **more}
    return Scripted(status=status, body=json.dumps(document).encode())


def tokens(number: int, expire_at: str = "2026-06-04T14:00:00.000Z") -> Scripted:
    return success(
        {
            "accessToken": f"access-{number}",
            "signatureToken": f"signature-{number}",
            "expireAt": expire_at,
        }
    )


def page(ids: list[str], *, index: int, total: int, id_field: str = "id") -> Scripted:
    items = [{id_field: each, "balance": 1.10} for each in ids]
    paging = {"pageIndex": index, "pageSize": PAGE_ITEMS, "totalCount": total}
    return success(items, pagination=paging)


Action = Callable[[XigsAdminClient], Awaitable[Any]]


async def play(
    script: dict[str, list[Scripted]], *actions: Action, clock: FrozenClock | None = None
) -> tuple[list[Any], ApiServer]:
    """What came of each action in turn, and the server with what it saw."""
    ours = clock or FrozenClock(NOON)
    results: list[Any] = []
    served_script = {LOGIN: [tokens(1), tokens(2)], **script}
    async with served(served_script) as server, outbound(server, clock=ours) as out:
        client = XigsAdminClient(out, api_key=KEY, clock=ours)
        for action in actions:
            try:
                results.append(await action(client))
            except ApiError as error:
                results.append(error)
        await client.close()
    return results, server


async def all_of(items: AsyncIterator[Item]) -> list[str]:
    return [item.item_id async for item in items]
