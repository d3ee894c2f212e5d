"""Health and metrics routes of the receiver."""

import os
from collections.abc import Awaitable, Callable

from aiohttp import web

from vocabulary.errors import Unavailable
from webhooks.metrics import ReceiverMetrics
from webhooks.process_header import PROCESS


class Health:
    """Serves ``/livez`` (event loop runs), ``/readyz`` (can commit) and ``/metrics``."""

    def __init__(
        self, check: Callable[[], Awaitable[None]], receiver_metrics: ReceiverMetrics
    ) -> None:
        self._check = check
        self._metrics = receiver_metrics
        self.draining = False

    async def livez(self, _request: web.Request) -> web.Response:
        """Answer 200 while the event loop runs."""
        return web.json_response({"status": "alive"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 if the database answers and the receiver is not stopping, else 503."""
        if self.draining:
            return web.json_response({"status": "draining"}, status=503)
        try:
            await self._check()
        except Unavailable as error:
            return web.json_response({"status": "unavailable", "why": str(error)}, status=503)
        return web.json_response({"status": "ready"}, headers={PROCESS: str(os.getpid())})

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with the metrics in Prometheus' text format."""
        return web.Response(
            body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    def routes(self, *, metrics: bool) -> list[web.RouteDef]:
        """The routes, with or without ``/metrics``."""
        routes = [web.get("/livez", self.livez), web.get("/readyz", self.readyz)]
        return [*routes, web.get("/metrics", self.metrics)] if metrics else routes
