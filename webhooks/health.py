"""Is it alive, is it ready, what does it count."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from vocabulary.errors import Unavailable
from webhooks.metrics import ReceiverMetrics


class Health:
    """``/livez`` says the loop turns; ``/readyz`` that a callback could be committed now."""

    def __init__(self, check: Callable[[], Awaitable[None]], meters: ReceiverMetrics) -> None:
        self._check = check
        self._meters = meters
        self.draining = False

    async def livez(self, _request: web.Request) -> web.Response:
        """Always 200 while the event loop turns."""
        return web.json_response({"status": "alive"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 when the database answers and the receiver is not stopping; else 503."""
        if self.draining:
            return web.json_response({"status": "draining"}, status=503)
        try:
            await self._check()
        except Unavailable as error:
            return web.json_response({"status": "unavailable", "why": str(error)}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(self, _request: web.Request) -> web.Response:
        """The counters, in Prometheus' text format."""
        return web.Response(
            body=self._meters.text(), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    def routes(self, *, metrics: bool) -> list[web.RouteDef]:
        """The routes, with or without the metrics."""
        routes = [web.get("/livez", self.livez), web.get("/readyz", self.readyz)]
        return [*routes, web.get("/metrics", self.metrics)] if metrics else routes
