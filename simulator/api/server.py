"""Serving the simulated APIs: all of them on one port, each below its own name."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from simulator.api.agent_platform import AgentPlatformApi
from simulator.api.aggregator import AggregatorApi
from simulator.api.fault_injection import MOUNT
from simulator.api.sportsbook import SportsbookApi
from simulator.api.xigs import SESSION_LIFE, XigsApi
from simulator.history.lines import HistoryLine, RunSpan
from simulator.protocol.messages import ProviderSystem
from vocabulary.errors import Unavailable

#: The profile that the scratch-card platform has from the start.
PROFILE = "demo-profile"

Api: TypeAlias = AgentPlatformApi | AggregatorApi | SportsbookApi | XigsApi


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningApis:
    """Running APIs.

    Attributes:
        urls: the base URL of each side.
        apis: their state, for whoever runs them to look at and to change.
    """

    urls: Mapping[ProviderSystem, str]
    apis: Mapping[ProviderSystem, Api]


async def _bind(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        raise Unavailable(f"port {port} cannot be listened at: {error.strerror}") from error


def make_api(side: ProviderSystem, seed: int) -> Api:
    """One API with credentials that a demonstration knows: made of the side's name."""
    secret = f"demo-{side.value}-secret"
    match side:
        case ProviderSystem.AGENT_PLATFORM:
            return AgentPlatformApi(seed=seed, api_token=secret.encode())
        case ProviderSystem.AGGREGATOR:
            return AggregatorApi(seed=seed, api_key=secret)
        case ProviderSystem.SPORTSBOOK:
            return SportsbookApi(seed=seed, username="demo", password=secret)
        case ProviderSystem.XIGS:
            return _with_profile(XigsApi(seed=seed, api_key=secret))


def _with_profile(api: XigsApi) -> XigsApi:
    told = {"email": "demo@example.com", "description": "Demo", "profileType": "demo"}
    api.books.profiles[PROFILE] = {"profileId": PROFILE, **told, "avatarUrl": None}
    return api


@asynccontextmanager
async def serve(
    sides: Iterable[ProviderSystem],
    port: int,
    seed: int,
    *,
    apis: Mapping[ProviderSystem, Api] | None = None,
) -> AsyncIterator[RunningApis]:
    """Serve the APIs of the sides on loopback until the block is left.

    Args:
        sides: which systems.
        port: 0 for any free one.
        seed: decides what they offer and every name they give.
        apis: to serve instead of those that ``make_api`` makes.

    Raises:
        Unavailable: the port is taken.
    """
    made = {side: (apis or {}).get(side) or make_api(side, seed) for side in sides}
    runner = web.AppRunner(_mounted(made), handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await _bind(runner, port)
        host, bound = runner.addresses[0][:2]
        urls = {side: f"http://{host}:{bound}/{side.value}" for side in made}
        yield RunningApis(urls=urls, apis=made)
    finally:
        await runner.cleanup()


def tell(served: RunningApis, lines: Sequence[HistoryLine], span: RunSpan) -> None:
    """Let the APIs know what was played: the cards' rounds, and the bets that have a page."""
    for api in served.apis.values():
        match api:
            case XigsApi():
                until = span.ended + SESSION_LIFE
                api.books.play(lines, span, game=api.games[0], until=until)
            case AggregatorApi():
                rounds = (
                    line.round_id for line in lines if line.side is ProviderSystem.AGGREGATOR
                )
                api.bets.update(rounds)
            case AgentPlatformApi() | SportsbookApi():
                pass  # their documents have no history


def _mounted(apis: Mapping[ProviderSystem, Api]) -> web.Application:
    whole = web.Application()
    for side, api in apis.items():
        app = api.application()
        app[MOUNT] = f"/{side.value}"
        whole.add_subapp(f"/{side.value}", app)
    return whole
