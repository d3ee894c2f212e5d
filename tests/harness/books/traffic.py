"""An hour of simulated traffic of all four provider systems, taken without a network.

The simulator's script is signed by the simulator and heard by the real dialects; what they
understand goes through real acceptors in batches, as the receiver's group commit does it.
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
from simulator.protocol.messages import ScriptStep
from simulator.scenarios.plan import Plan, make_plan
from simulator.scenarios.players_csv import write_roster
from simulator.systems.registry import SYSTEMS
from storage.engine import open_engine
from tests.harness.books.ledger import NOON, acceptors
from tests.harness.providers.speaker import SECRET, configured
from tests.harness.providers.systems import ALL_SYSTEMS, configuration
from vocabulary.errors import Malformed
from vocabulary.facts import Fact
from vocabulary.outcomes import Answer, Outcome
from webhooks.evidence_headers import evidence

SIDES = ALL_SYSTEMS
HOUR = timedelta(hours=1)
BATCH = 60


def voices(secret: bytes = SECRET) -> ProviderDecoders:
    """Every dialect with its default options, known by its own name."""
    return ProviderDecoders(providers={name: _voice(name, secret) for name in DIALECTS})


def _voice(name: str, secret: bytes) -> ProviderDecoder:
    dialect = DIALECTS[name]
    provider = configured(dialect, secrets=(secret,))
    return ProviderDecoder(
        dialect=dialect, provider=provider, policy=dialect.policy(provider.options)
    )


def an_hour(database: str, *, seed: int, callbacks: int, players: int) -> Plan:
    """Import the players and take every callback of the plan; nothing is posted yet."""
    plan = make_plan(
        seed=seed, callbacks=callbacks, players=players, systems=SIDES, currency="USD"
    )
    file = io.StringIO(newline="")
    write_roster(file, plan.players, {side: side.name for side in SIDES})
    file.seek(0)
    engine = open_engine(database)
    import_players(engine, read_players(file))
    engine.dispose()
    asyncio.run(_take(database, plan, Random(seed)))
    return plan


async def _take(database: str, plan: Plan, random: Random) -> None:
    """Two receivers, each with half of the players, side by side."""
    halves = [[step for step in plan.steps if step.lane % 2 == half] for half in (0, 1)]
    async with acceptors(database, 2) as pair:
        takings = (
            _tell(one, requests(plan, steps), random)
            for one, steps in zip(pair, halves, strict=True)
        )
        await asyncio.gather(*takings)


async def _tell(acceptor: Acceptor, told: Iterator[Request], random: Random) -> None:
    while batch := _next(told, random.randint(1, BATCH)):
        await acceptor.accept(batch)


def _next(told: Iterator[Request], most: int) -> Sequence[Request]:
    return [request for _, request in zip(range(most), told, strict=False)]


def requests(plan: Plan, steps: Sequence[ScriptStep]) -> Iterator[Request]:
    """What the receiver would understand of each step, repeats included."""
    heard = voices()
    for number, step in enumerate(steps):
        at = NOON + HOUR * number / len(steps)
        for _ in range(step.copies):
            yield _understood(heard, step, at)


def _understood(heard: ProviderDecoders, step: ScriptStep, at: datetime) -> Request:
    side = step.call.side.name
    voice = heard.providers[side]
    provider = configuration(SYSTEMS[side], secret=SECRET)
    sent = SYSTEMS[side].request(step.call, provider, at)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    callback = Callback(route=sent.route, headers=headers, body=sent.body)
    verified = voice.dialect.verify(callback, voice.provider)
    fact: Fact | None
    try:
        fact = voice.dialect.parse(verified, voice.provider)
    except Malformed:
        fact = None
    return Request(
        provider=side,
        policy=voice.policy,
        fact=fact,
        route=sent.route,
        headers=evidence(headers),
        body=sent.body,
        received_at=at,
        respond=partial(_say, voice),
    )


def _say(voice: ProviderDecoder, outcome: Outcome) -> Answer:
    return voice.dialect.respond(outcome, voice.provider)
