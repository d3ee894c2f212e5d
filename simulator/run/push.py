"""Telling the aggregator's history, which is pushed record by record.

Pushed records come as ``create`` and then ``update``; by the seed some come the other way
round, some twice. What is told is decided elsewhere; this module only says it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from random import Random

from simulator.history.lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import JsonAmount, Value, WireRequest
from simulator.protocol.messages import ProviderSystem
from simulator.protocol.sender import Sender, open_session
from simulator.protocol.signing import aggregator_request
from simulator.run.driver import Pace, ReceiverTarget
from vocabulary.errors import Unavailable
from vocabulary.money import exponent_of

#: Percent of records whose update comes before its create, and that are delivered twice.
REORDERED_PERCENT = 8
REPEATED_PERCENT = 8

_LATER = timedelta(milliseconds=1)

_GAMES = (
    ("1513328", "Super Golf Drive"),
    ("1489936", "Ninja Raccoon Frenzy"),
    ("0", "Lobby Roulette"),
)


def pushes(
    lines: Sequence[HistoryLine], *, seed: int, span: RunSpan, secret: bytes
) -> Iterator[tuple[WireRequest, ...]]:
    """The signed history requests of each aggregator record, in the order of delivery."""
    rng = Random(f"history {seed}")  # noqa: S311 - a script, not a secret
    for line in lines:
        if line.side is not ProviderSystem.AGGREGATOR:
            continue
        game = rng.choice(_GAMES)
        versions = [
            aggregator_request("/history", _record(line, span, game, final=final), secret)
            for final in (False, True)
        ]
        if rng.randrange(100) < REORDERED_PERCENT:
            versions.reverse()
        if rng.randrange(100) < REPEATED_PERCENT:
            versions.append(rng.choice(versions))
        yield tuple(versions)


async def push(
    records: Sequence[tuple[WireRequest, ...]],
    target: ReceiverTarget,
    pace: Pace,
    *,
    progress: Callable[[int], None],
) -> int:
    """Deliver every record's requests in order, records side by side.

    Returns:
        How many requests were not acknowledged with HTTP 200.

    Raises:
        Unavailable: a request had no answer within the deadline.
    """
    slug = target.slugs[ProviderSystem.AGGREGATOR]
    waiting = iter(records)
    refused = 0

    async def lane(sender: Sender) -> None:
        nonlocal refused
        for requests in waiting:
            for request in requests:
                delivered = await sender.deliver(slug, request)
                refused += delivered.reply.status != 200
            progress(len(requests))

    unanswered: BaseException | None = None
    async with open_session() as session:
        sender = Sender(session, target.url, pace.patience)
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(pace.connections):
                    lanes.create_task(lane(sender))
        except* Unavailable as silent:
            # Raised below: what an ``except*`` block raises is wrapped in a group again.
            unanswered = silent.exceptions[0]
    if unanswered is not None:
        raise unanswered
    return refused


def _record(
    line: HistoryLine, span: RunSpan, game: tuple[str, str], *, final: bool
) -> list[tuple[str, Value]]:
    exponent = exponent_of(line.currency)
    payout = line.payout if final else 0
    net = line.net if final else -line.stake
    created = span.at(line.place)
    # Strictly newer than the create, also in a run that took no time.
    updated = span.ended + _LATER if final else created
    return [
        ("_id", line.record_id),
        ("type", "update" if final else "create"),
        ("provider", "Simulated Studio"),
        ("game", game[1]),
        ("game_id", game[0]),
        ("user_agent", line.handle),
        ("before_balance", JsonAmount(line.before, exponent)),
        ("after_balance", JsonAmount(line.before - line.stake + payout, exponent)),
        ("used_balance", JsonAmount(line.stake, exponent)),
        ("receive_balance", JsonAmount(payout, exponent)),
        ("winlose", JsonAmount(net, exponent)),
        ("createdAt", instant_text(created)),
        ("updatedAt", instant_text(updated)),
    ]
