"""An hour of simulated traffic of all provider systems, without a network.

The simulator makes and signs the callbacks, the real dialects verify and parse them, and real
acceptors commit them in batches, as the receiver's group commit does.
"""

import asyncio
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from random import Random

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.model import Request
from ledger.players.importer import import_players, read_players
from ledger.replay.report import ProviderDecoder, ProviderDecoders
from providers.contract import Callback
from providers.registry import DIALECTS
from simulator.protocol.messages import ScriptStep
from simulator.scenarios.plan import Plan, make_plan
from simulator.scenarios.players_csv import write_roster
from simulator.systems.registry import SYSTEMS
from storage.engine import open_engine
from tests.harness.books.ledger import NOON, acceptors
from tests.harness.providers.speaker import SECRET, configured
from tests.harness.providers.systems import ALL_SYSTEMS, configuration
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Malformed
from vocabulary.facts import Fact
from vocabulary.outcomes import CallbackReply, Outcome
from webhooks.evidence_headers import evidence_text

SIDES = ALL_SYSTEMS
HOUR = timedelta(hours=1)
BATCH = 60


def decoders(secret: bytes = SECRET) -> ProviderDecoders:
    """A decoder of every dialect with its default options, under the dialect's name."""
    return ProviderDecoders(providers={name: _decoder(name, secret) for name in DIALECTS})


def _decoder(name: str, secret: bytes) -> ProviderDecoder:
    dialect = DIALECTS[name]
    provider = configured(dialect, secrets=(secret,))
    return ProviderDecoder(
        dialect=dialect, provider=provider, policy=dialect.policy(provider.options)
    )


def book_an_hour(database: str, *, seed: int, callbacks: int, players: int) -> Plan:
    """Import the players and accept every callback of the plan; post nothing."""
    plan = make_plan(
        seed=seed, callbacks=callbacks, players=players, systems=SIDES, currency="USD"
    )
    file = io.StringIO(newline="")
    write_roster(file, plan.players, {side: side.name for side in SIDES})
    file.seek(0)
    engine = open_engine(database)
    import_players(engine, read_players(file, ISO_ONLY))
    engine.dispose()
    asyncio.run(_accept_plan(database, plan, Random(seed)))
    return plan


async def _accept_plan(database: str, plan: Plan, random: Random) -> None:
    """Two receivers, each with half of the players, side by side."""
    halves = [[step for step in plan.steps if step.lane % 2 == half] for half in (0, 1)]
    async with acceptors(database, 2) as pair:
        receivers = (
            _accept_batches(acceptor, requests(steps), random)
            for acceptor, steps in zip(pair, halves, strict=True)
        )
        await asyncio.gather(*receivers)


async def _accept_batches(
    acceptor: Acceptor, stream: Iterator[Request], random: Random
) -> None:
    while batch := list(islice(stream, random.randint(1, BATCH))):
        await acceptor.accept(batch)


def requests(steps: Sequence[ScriptStep]) -> Iterator[Request]:
    """The request of each step, repeats included."""
    provider_decoders = decoders()
    for number, step in enumerate(steps):
        sent_at = NOON + HOUR * number / len(steps)
        for _ in range(step.copies):
            yield _request(provider_decoders, step, sent_at)


def _request(
    provider_decoders: ProviderDecoders, step: ScriptStep, sent_at: datetime
) -> Request:
    side = step.call.side.name
    decoder = provider_decoders.providers[side]
    provider = configuration(SYSTEMS[side], secret=SECRET)
    http_request = SYSTEMS[side].request(step.call, provider, sent_at)
    headers = {name.lower(): value for name, value in http_request.headers.items()}
    callback = Callback(route=http_request.route, headers=headers, body=http_request.body)
    verified = decoder.dialect.verify(callback, decoder.provider)
    fact: Fact | None
    try:
        fact = decoder.dialect.parse(verified, decoder.provider)
    except Malformed:
        fact = None
    return Request(
        provider=side,
        policy=decoder.policy,
        fact=fact,
        route=callback.route,
        headers=evidence_text(headers, decoder.dialect.signature_headers(decoder.provider)),
        body=callback.body,
        received_at=sent_at,
        respond=partial(_respond, decoder),
    )


def _respond(decoder: ProviderDecoder, outcome: Outcome) -> CallbackReply:
    return decoder.dialect.respond(outcome, decoder.provider)
