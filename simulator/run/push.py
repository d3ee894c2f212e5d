"""Delivering a pushed history: each record's requests in order, records side by side."""

import asyncio
from collections.abc import Callable, Sequence

from simulator.protocol.json_text import WireRequest
from simulator.protocol.sender import Sender, open_session
from simulator.protocol.system import System
from simulator.run.driver import Pace, ReceiverTarget
from vocabulary.errors import Unavailable


async def push(
    records: Sequence[tuple[WireRequest, ...]],
    system: System,
    target: ReceiverTarget,
    pace: Pace,
    *,
    progress: Callable[[int], None],
) -> int:
    """Deliver every record's requests.

    Returns:
        How many requests were not acknowledged with HTTP 200.

    Raises:
        Unavailable: a request had no answer within the deadline.
    """
    slug = target.providers[system].slug
    waiting = iter(records)
    refused = 0

    async def lane(sender: Sender) -> None:
        nonlocal refused
        for requests in waiting:
            for request in requests:
                delivered = await sender.deliver(slug, request, system.replies)
                refused += delivered.reply.status != 200
            progress(len(requests))

    unavailable: BaseException | None = None
    async with open_session() as session:
        sender = Sender(session, target.url, pace.patience)
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(pace.connections):
                    lanes.create_task(lane(sender))
        except* Unavailable as group:
            # Raised below: what an ``except*`` block raises is wrapped in a group again.
            unavailable = group.exceptions[0]
    if unavailable is not None:
        raise unavailable
    return refused
