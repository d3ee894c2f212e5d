"""What no route takes, refused in the words of the provider whose door it came to."""

from aiohttp import web

from vocabulary.outcomes import Verdict, refusal
from webhooks.config import ProviderEndpoint
from webhooks.metrics import ReceiverMetrics

_JSON = {"Content-Type": "application/json"}


class RefusalHandler:
    """Answers what no route takes: an unknown path, or a method other than POST."""

    def __init__(self, door: ProviderEndpoint, meters: ReceiverMetrics) -> None:
        self._door = door
        self._meters = meters

    async def handle(self, request: web.Request) -> web.Response:
        """Refuse in the dialect's own words."""
        known = request.match_info["route"] in self._door.dialect.routes
        verdict = Verdict.METHOD_WRONG if known else Verdict.ROUTE_UNKNOWN
        self._meters.answered(self._door.provider.slug, "", verdict, 0.0)
        answer = self._door.dialect.respond(refusal(verdict, ""), self._door.provider)
        return web.Response(body=answer.body, status=answer.status, headers=_JSON)
