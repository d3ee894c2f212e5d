"""The receiver process: doors, group commit, notifier, health; and its orderly end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import dramatiq
import structlog
from aiohttp import web

from ledger.accepting.acceptor import Accepted, Acceptor
from vocabulary.clock import Clock
from webhooks.config import ProviderEndpoint, ReceiverConfig
from webhooks.fast_path import FastPath
from webhooks.group_commit import GroupCommit
from webhooks.handler import CallbackHandler
from webhooks.health import Health
from webhooks.http_log import http_logger
from webhooks.metrics import ReceiverMetrics
from webhooks.notifier import Notifier
from webhooks.refuse import RefusalHandler

#: Connections the kernel queues before accept.
BACKLOG = 1024

log = structlog.get_logger()


class Receiver:
    """Everything one receiver process runs. ``serve`` returns when told to stop."""

    def __init__(
        self,
        config: ReceiverConfig,
        *,
        connect: Callable[[], Awaitable["asyncpg.Connection"]],
        broker: dramatiq.Broker,
        clock: Clock,
    ) -> None:
        self._config = config
        self._clock = clock
        self._meters = ReceiverMetrics()
        self._acceptor = Acceptor(connect)
        self._notifier = Notifier(broker)
        self._commit = GroupCommit(
            self._acceptor,
            queue_max=config.queue_max,
            patience_s=config.commit_timeout_s,
            after=self._committed,
        )
        self._receives = {
            f"/callbacks/{slug}{route}": self._receive(door, route)
            for slug, door in config.doors.items()
            for route in door.dialect.routes
        }
        self.health = Health(self._acceptor.check, self._meters)

    def application(self) -> web.Application:
        """The web application: one static route per door and route, then the refusals."""
        app = web.Application(client_max_size=self._config.body_bytes_max)
        app.add_routes(self.health.routes(metrics=self._config.metrics_here))
        for path, receive in self._receives.items():
            app.router.add_post(path, receive.handle)
        for slug, door in self._config.doors.items():
            refuse = RefusalHandler(door, self._meters).handle
            # Below the slug, not beside it: the next slug may begin with this one.
            app.router.add_route("*", f"/callbacks/{slug}{{route:(?:/.*)?}}", refuse)
        return app

    async def serve(self, listen: socket.socket, ops: socket.socket | None) -> None:
        """Serve until SIGTERM or SIGINT, then drain.

        Args:
            listen: the bound socket of the callbacks.
            ops: a bound socket for health and metrics only, or None.

        Raises:
            RuntimeError: a batch could not be decided: a bug, and the process should restart.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        runners = [await self._runner(self.application())]
        fronts = self._fronts(runners[0])
        listening = await loop.create_server(fronts, sock=listen, backlog=BACKLOG)
        if ops is not None:
            side = web.Application()
            side.add_routes(self.health.routes(metrics=True))
            runners.append(await self._runner(side))
            await web.SockSite(runners[1], ops, backlog=BACKLOG).start()
        log.info("receiver_started", providers=sorted(self._config.doors))
        await self._until(stop, _Listening(listening, fronts, runners))

    async def _until(self, stop: asyncio.Event, listening: "_Listening") -> None:
        commits = asyncio.create_task(self._commit.run())
        notices = asyncio.create_task(self._notifier.run())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({commits, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await self._drain(listening)
        for task in (commits, notices, stopped):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await commits
        await self._acceptor.close()
        log.info("receiver_stopped")

    async def _drain(self, listening: "_Listening") -> None:
        """Take no new connection, answer what was taken, tell the workers, then go.

        The commit loop keeps running while the answers are written: no debit is committed
        without an attempt to answer it.
        """
        self.health.draining = True
        listening.server.close()
        await asyncio.gather(
            listening.fronts.stop(self._config.drain_timeout_s),
            *(runner.cleanup() for runner in listening.runners),
        )  # waits for who is still owed an answer
        await self._notifier.flush()

    def _committed(self, accepted: Accepted) -> None:
        self._notifier.tell(accepted)
        self._meters.batch_requests.observe(len(accepted.decisions))
        self._meters.pending.set(self._commit.pending)
        if accepted.conflicts:
            self._meters.conflicts.inc(accepted.conflicts)

    def _receive(self, door: ProviderEndpoint, route: str) -> CallbackHandler:
        return CallbackHandler(
            route,
            door,
            config=self._config,
            commit=self._commit,
            meters=self._meters,
            clock=self._clock,
        )

    def _fronts(self, runner: web.AppRunner) -> FastPath:
        server = runner.server
        assert server is not None
        return FastPath(
            {f"POST {path} HTTP/1.1": receive.take for path, receive in self._receives.items()},
            server=server,
            idle_timeout_s=self._config.idle_timeout_s,
            read_timeout_s=self._config.read_timeout_s,
            body_bytes_max=self._config.body_bytes_max,
            clock=self._clock,
        )

    async def _runner(self, app: web.Application) -> web.AppRunner:
        # Bodies stay as they came: a signature covers the bytes on the wire.
        runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            logger=http_logger(),
            keepalive_timeout=self._config.idle_timeout_s,
            shutdown_timeout=self._config.drain_timeout_s,
        )
        await runner.setup()
        return runner


@dataclass(frozen=True, slots=True)
class _Listening:
    """What takes connections: the callbacks' listener, those before the server, the servers."""

    server: asyncio.Server
    fronts: FastPath
    runners: list[web.AppRunner]
