"""An hour of simulated traffic of all four provider systems, accepted without a network.

The simulator signs its script and the real dialects parse it; real acceptors accept the result
in batches, as the receiver's group commit does.
"""

import asyncio
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.model import Request
from ledger.players.importer import import_players, read_players
from ledger.replay.report import ProviderDecoder, ProviderDecoders
from providers.contract import Callback
from providers.registry import DIALECTS
from simulator.protocol.messages import ProviderSystem, ScriptStep
from simulator.protocol.signing import request_for
from simulator.scenarios.plan import Plan, make_plan
from simulator.scenarios.players_csv import write_roster
from storage.engine import open_engine
from tests.harness.books.ledger import NOON, acceptors
from tests.harness.providers.signers import SECRET, configured
from vocabulary.errors import Malformed
from vocabulary.facts import Fact
from vocabulary.outcomes import Answer, Outcome
from webhooks.evidence_headers import evidence

SIDES = tuple(ProviderSystem)
HOUR = timedelta(hours=1)
BATCH = 60


def all_decoders(secret: bytes = SECRET) -> ProviderDecoders:
    """Return a decoder for every dialect with its default options."""
    return ProviderDecoders(providers={name: _decoder(name, secret) for name in DIALECTS})


def _decoder(name: str, secret: bytes) -> ProviderDecoder:
    dialect = DIALECTS[name]
    provider = configured(dialect, secrets=(secret,))
    return ProviderDecoder(
        dialect=dialect, provider=provider, policy=dialect.policy(provider.options)
    )


def an_hour(database: str, *, seed: int, callbacks: int, players: int) -> Plan:
    """Import the players and accept every callback of the plan; nothing is posted yet."""
    plan = make_plan(
        seed=seed, callbacks=callbacks, players=players, sides=SIDES, currency="USD"
    )
    file = io.StringIO(newline="")
    write_roster(file, plan.players, {side: side.value for side in SIDES})
    file.seek(0)
    engine = open_engine(database)
    import_players(engine, read_players(file))
    engine.dispose()
    asyncio.run(_accept_all(database, plan, Random(seed)))
    return plan


async def _accept_all(database: str, plan: Plan, random: Random) -> None:
    """Accept the callbacks with two receivers side by side, each with half of the players."""
    halves = [[step for step in plan.steps if step.lane % 2 == half] for half in (0, 1)]
    async with acceptors(database, 2) as pair:
        receivers = (
            _accept_batches(acceptor, requests(plan, steps), random)
            for acceptor, steps in zip(pair, halves, strict=True)
        )
        await asyncio.gather(*receivers)


async def _accept_batches(
    acceptor: Acceptor, pending: Iterator[Request], random: Random
) -> None:
    while batch := _next(pending, random.randint(1, BATCH)):
        await acceptor.accept(batch)


def _next(pending: Iterator[Request], most: int) -> Sequence[Request]:
    return [request for _, request in zip(range(most), pending, strict=False)]


def requests(plan: Plan, steps: Sequence[ScriptStep]) -> Iterator[Request]:
    """Yield what the receiver would parse of each step, repeats included."""
    decoders = all_decoders()
    for number, step in enumerate(steps):
        at = NOON + HOUR * number / len(steps)
        for _ in range(step.copies):
            yield _parsed(decoders, step, at)


def _parsed(decoders: ProviderDecoders, step: ScriptStep, at: datetime) -> Request:
    side = step.call.side.value
    decoder = decoders.providers[side]
    sent = request_for(step.call, SECRET, sent_at=at)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    callback = Callback(route=sent.route, headers=headers, body=sent.body)
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
        route=sent.route,
        headers=evidence(headers),
        body=sent.body,
        received_at=at,
        respond=partial(_respond, decoder),
    )


def _respond(decoder: ProviderDecoder, outcome: Outcome) -> Answer:
    return decoder.dialect.respond(outcome, decoder.provider)
