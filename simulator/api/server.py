"""Serving the simulated APIs: all of them on one port, each below its own name."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from simulator.api.fault_injection import MOUNT
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.system import SimulatedApi, System
from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningApis:
    """Running APIs.

    Attributes:
        urls: the base URL of each system.
        apis: their state, for whoever runs them to read and to change.
    """

    urls: Mapping[System, str]
    apis: Mapping[System, SimulatedApi]

    def remember(self, lines: Sequence[HistoryLine], span: RunSpan) -> None:
        """Let every API know what was played on its side."""
        for system, api in self.apis.items():
            api.remember([line for line in lines if line.side is system], span)


@asynccontextmanager
async def serve(
    systems: Iterable[System],
    port: int,
    seed: int,
    *,
    apis: Mapping[System, SimulatedApi] | None = None,
) -> AsyncIterator[RunningApis]:
    """Serve the APIs of the systems on loopback until the block is left.

    Args:
        systems: which systems; one without an API is left out.
        port: 0 for any free one.
        seed: decides what they offer and every name they give.
        apis: to serve instead of those that the systems make.

    Raises:
        Unavailable: the port is taken.
    """
    served = {
        system: (apis or {}).get(system) or system.api(seed)
        for system in systems
        if system.api is not None
    }
    runner = web.AppRunner(_mounted(served), handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await _bind(runner, port)
        host, bound = runner.addresses[0][:2]
        urls = {system: f"http://{host}:{bound}/{system.name}" for system in served}
        yield RunningApis(urls=urls, apis=served)
    finally:
        await runner.cleanup()


async def _bind(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        raise Unavailable(f"port {port} cannot be listened at: {error.strerror}") from error


def _mounted(apis: Mapping[System, SimulatedApi]) -> web.Application:
    whole = web.Application()
    for system, api in apis.items():
        app = api.application()
        assert isinstance(app, web.Application), system.name
        app[MOUNT] = f"/{system.name}"
        whole.add_subapp(f"/{system.name}", app)
    return whole
