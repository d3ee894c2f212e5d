"""The receiver process: provider endpoints, group commit, notifier, health and shutdown."""

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
from ledger.accepting.receiver_session import ReceiverSession
from vocabulary.clock import Clock
from vocabulary.errors import TieoutError, Unavailable
from webhooks.clock_guard import ClockGuard
from webhooks.config import ProviderEndpoint, ReceiverConfig
from webhooks.fast_path import FastPath
from webhooks.group_commit import GroupCommit
from webhooks.handler import CallbackHandler, RefusalHandler
from webhooks.health import Health
from webhooks.http_server import hide_server, http_connections
from webhooks.metrics import ReceiverMetrics
from webhooks.notifier import Notifier
from webhooks.sampled_log import SampledLog
from webhooks.server_error_log import http_logger

#: Connections the kernel queues before accept.
BACKLOG = 1024

log = structlog.get_logger()


class Receiver:
    """Everything one receiver process runs; ``serve`` returns after SIGTERM or SIGINT."""

    def __init__(
        self,
        config: ReceiverConfig,
        *,
        connect: Callable[[], Awaitable["asyncpg.Connection"]],
        broker: dramatiq.Broker,
        clock: Clock,
        reload: Callable[[], ReceiverConfig] | None = None,
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._reload = reload
        self._on_started = on_started
        self._metrics = ReceiverMetrics()
        self._clock_guard = ClockGuard(
            connect,
            clock=clock,
            off_max_s=config.clock_off_max_s,
            offset=self._metrics.clock_offset,
        )
        self._acceptor = Acceptor(self._clock_guard.connect, session=ReceiverSession())
        self._notifier = Notifier(broker, self._metrics.notify_failures.inc)
        self._sampled = SampledLog()
        self._commit = GroupCommit(
            self._acceptor,
            queue_max=config.queue_max,
            commit_timeout_s=config.commit_timeout_s,
            on_commit=self._on_commit,
            sampled=self._sampled,
            spacing_s=config.commit_spacing_s,
        )
        self._metrics.pending.set_function(lambda: self._commit.pending)
        self._handlers = {
            f"/callbacks/{slug}{route}": self._handler(endpoint, route)
            for slug, endpoint in config.endpoints.items()
            for route in endpoint.dialect.routes
        }
        self._refusals = {
            slug: RefusalHandler(endpoint, self._metrics)
            for slug, endpoint in config.endpoints.items()
        }
        self.health = Health(self._check, self._metrics)

    def application(self) -> web.Application:
        """The web application: the callback routes, then refusals for all other requests."""
        app = web.Application(client_max_size=self._config.body_bytes_max)
        app.on_response_prepare.append(hide_server)
        app.on_response_prepare.append(self._close_while_draining)
        app.add_routes(self.health.routes(metrics=self._config.metrics_here))
        for path, handler in self._handlers.items():
            app.router.add_post(path, handler.handle)
        for slug, refusal in self._refusals.items():
            # Match only whole slugs: another provider's slug may begin with this one.
            app.router.add_route("*", f"/callbacks/{slug}{{route:(?:/.*)?}}", refusal.handle)
        return app

    async def serve(self, listen: socket.socket, ops: socket.socket | None) -> None:
        """Serve until SIGTERM or SIGINT, then shut down in order.

        Args:
            listen: the bound socket for callbacks.
            ops: a bound socket for health and metrics only, or None.

        Raises:
            RuntimeError: a batch could not be decided, a bug; the process should restart.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        runners = [await self._runner(self.application())]
        fast_path = self._fast_path(runners[0])
        server = await loop.create_server(fast_path, sock=listen, backlog=BACKLOG)
        if ops is not None:
            ops_app = web.Application()
            ops_app.on_response_prepare.append(hide_server)
            ops_app.add_routes(self.health.routes(metrics=True))
            runners.append(await self._runner(ops_app))
            await web.SockSite(runners[1], ops, backlog=BACKLOG).start()
        log.info("receiver_started", providers=sorted(self._config.endpoints))
        self._on_started()
        await self._run_until(stop, _Listeners(server, fast_path, runners))

    def reload(self) -> None:
        """Read secrets and allowed addresses of the providers again; keep them if that fails.

        Everything else, and a provider that is new or gone, takes a restart: amounts and
        decisions must not change beside receivers that were not told.
        """
        if self._reload is None:
            log.info("reload_ignored")
            return
        try:
            endpoints = self._reload().endpoints
        except TieoutError as error:
            log.error("reload_refused", why=str(error))  # noqa: TRY400 - no bug of ours
            return
        used = {
            slug: endpoint.with_access_of(endpoints[slug])
            for slug, endpoint in self._config.endpoints.items()
            if slug in endpoints
        }
        for path, handler in self._handlers.items():
            slug = path.split("/")[2]
            if slug in used:
                handler.use(used[slug])
        for slug, endpoint in used.items():
            self._refusals[slug].use(endpoint)
        changed = {slug for slug, endpoint in used.items() if endpoint != endpoints[slug]}
        others = sorted(changed | (self._refusals.keys() ^ endpoints.keys()))
        log.info("reload_done", providers=sorted(endpoints), need_restart=others)

    async def _run_until(self, stop: asyncio.Event, listeners: "_Listeners") -> None:
        commit_loop = asyncio.create_task(self._commit.run())
        notifier_loop = asyncio.create_task(self._notifier.run())
        clock_loop = asyncio.create_task(self._clock_guard.run(self._acceptor.close))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({commit_loop, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await self._announce_end(listeners, commit_loop)
        await self._drain(listeners)
        for task in (commit_loop, notifier_loop, clock_loop, stopped):
            task.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await commit_loop
        finally:
            await self._commit.confirm()
            await self._acceptor.close()
            self._sampled.flush()
        log.info("receiver_stopped")

    async def _announce_end(
        self, listeners: "_Listeners", commit_loop: "asyncio.Task[None]"
    ) -> None:
        """Go on for a while, not ready any more, and close each connection after its answer.

        A balancer then sends its callbacks elsewhere, and no connection ends unexpectedly. A
        receiver whose commit loop ended has nothing to go on with.
        """
        self.health.draining = True
        listeners.fast_path.drain()
        if self._config.drain_delay_s and not commit_loop.done():
            log.info("receiver_draining", for_s=self._config.drain_delay_s)
            await asyncio.wait({commit_loop}, timeout=self._config.drain_delay_s)

    async def _drain(self, listeners: "_Listeners") -> None:
        """Stop accepting connections, answer pending callbacks and notify the workers.

        The commit loop keeps running while answers are written, so every committed debit gets
        an attempt at an answer.
        """
        listeners.server.close()
        await asyncio.gather(
            listeners.fast_path.stop(self._config.drain_timeout_s),
            *(runner.cleanup() for runner in listeners.runners),
        )
        await self._notifier.flush()

    async def _close_while_draining(
        self, _request: web.Request, response: web.StreamResponse
    ) -> None:
        if self.health.draining:
            response.force_close()
            response.headers["Connection"] = "close"

    async def _check(self) -> None:
        """Check that a callback would be decided now.

        Raises:
            Unavailable: the database is out of reach, or the last batches could not be written.
        """
        if why := self._commit.why_unready:
            raise Unavailable(why)
        await self._acceptor.check()

    def _on_commit(self, accepted: Accepted) -> None:
        self._notifier.notify(accepted)
        self._metrics.batch_requests.observe(len(accepted.decisions))
        if accepted.conflicts:
            self._metrics.conflicts.inc(accepted.conflicts)

    def _handler(self, endpoint: ProviderEndpoint, route: str) -> CallbackHandler:
        return CallbackHandler(
            route,
            endpoint,
            config=self._config,
            commit=self._commit,
            metrics=self._metrics,
            sampled=self._sampled,
            clock=self._clock,
        )

    def _fast_path(self, runner: web.AppRunner) -> FastPath:
        return FastPath(
            {f"POST {path} HTTP/1.1": handler for path, handler in self._handlers.items()},
            server=http_connections(
                runner,
                logger=http_logger(),
                keepalive_timeout=self._config.idle_timeout_s,
                lingering_time=self._config.read_timeout_s,
            ),
            idle_timeout_s=self._config.idle_timeout_s,
            read_timeout_s=self._config.read_timeout_s,
            body_bytes_max=self._config.body_bytes_max,
            clock=self._clock,
        )

    async def _runner(self, app: web.Application) -> web.AppRunner:
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
class _Listeners:
    """The callback listener, its fast path, and the HTTP servers behind it and for health."""

    server: asyncio.Server
    fast_path: FastPath
    runners: list[web.AppRunner]
