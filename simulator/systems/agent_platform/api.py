"""The agent platform's API: signed, timely requests; links into games and the list of them."""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from aiohttp import web

from simulator.api.fault_injection import ApiRefusal, RefusalStyle, application
from simulator.api.games import GameTitle, NameMint, titles
from simulator.protocol.api_faults import ApiFault, FaultControl
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import PHP, top_sorted
from simulator.systems.agent_platform.calls import AGENT_ID, HEADER, signature
from vocabulary.clock import Clock, SystemClock

#: How far the time of a request may lie from ours, in seconds, either way.
SKEW_MAX_S = 300

_PLAYER_FIELDS = ("player_id", "player_username", "language", "currency", "home_url", "ip")

_ERRORS = MappingProxyType(
    {
        "signature_required": ApiRefusal(
            401, "signature_required", "Missing X-Signature header"
        ),
        "invalid_signature": ApiRefusal(403, "invalid_signature", "Invalid request signature"),
        "agent_not_found": ApiRefusal(404, "agent_not_found", "Agent not found"),
        "api_token_not_found": ApiRefusal(
            404, "api_token_not_found", "No API token configured"
        ),
        "game_not_found": ApiRefusal(404, "game_not_found", "Game not found"),
        "game_provider_not_found": ApiRefusal(
            404, "game_provider_not_found", "No demo support"
        ),
        "game_not_available": ApiRefusal(403, "game_not_available", "Game is not available"),
        "method_not_allowed": ApiRefusal(405, "method_not_allowed", "Use POST"),
        "validation_error": ApiRefusal(422, "validation_error", "Parameter validation error"),
        "request_expired": ApiRefusal(400, "request_expired", "Request timestamp is too old"),
    }
)
_NOT_FOUND = ApiRefusal(404, "not_found", "Nothing is served here")
_FAULTS = MappingProxyType(
    {
        ApiFault.UNAUTHORIZED: _ERRORS["signature_required"],
        ApiFault.FORBIDDEN: _ERRORS["invalid_signature"],
        ApiFault.NOT_FOUND: _ERRORS["agent_not_found"],
        ApiFault.UNPROCESSABLE: _ERRORS["validation_error"],
        ApiFault.TOO_MANY: ApiRefusal(429, "too_many_requests", "Too many requests"),
        ApiFault.FAILURE: ApiRefusal(500, "internal_error", "Internal error"),
    }
)


@dataclass(slots=True, kw_only=True)
class AgentPlatformApi:
    """One agent at the platform.

    Attributes:
        api_token: what requests and callbacks are signed with; empty: none is configured.
        sessions: (our session id, the player) of every link given, in order.
    """

    seed: int
    api_token: bytes
    agent_id: int = AGENT_ID
    clock: Clock = field(default_factory=SystemClock)
    control: FaultControl = field(default_factory=FaultControl)
    sessions: list[tuple[str, str]] = field(default_factory=list)
    _names: NameMint = field(init=False)
    _titles: dict[int, GameTitle] = field(init=False)

    def __post_init__(self) -> None:
        self._names = NameMint(seed=self.seed)
        self._titles = {title.number: title for title in titles(self.seed)}

    def application(self) -> web.Application:
        """The API, ready to be served."""
        style = RefusalStyle(
            document=self._refusal,
            faults=_FAULTS,
            not_found=_NOT_FOUND,
            method_wrong=_ERRORS["method_not_allowed"],
        )
        app = application(self.control, style)
        app.router.add_post("/api/games/list", self._list)
        app.router.add_post("/api/games/get_game_link", self._link)
        app.router.add_post("/api/games/get_game_link_demo", self._demo_link)
        return app

    def remember(self, _lines: Sequence[HistoryLine], _span: RunSpan) -> None:
        """Remember nothing: the document has no history."""

    async def _list(self, request: web.Request) -> web.Response:
        await self._authentic(request)
        games = [_game(title) for title in self._titles.values() if title.is_available]
        return self._success({"games": games, "total": len(games)})

    async def _link(self, request: web.Request) -> web.Response:
        document = await self._authentic(request)
        title = self._title(document, (*_PLAYER_FIELDS, "agent_session_id"))
        self.sessions.append((document["agent_session_id"], document["player_id"]))
        return self._success({"url": self._url("play", title)})

    async def _demo_link(self, request: web.Request) -> web.Response:
        title = self._title(await self._authentic(request), _PLAYER_FIELDS)
        if not title.has_demo:
            raise _ERRORS["game_provider_not_found"]
        return self._success({"url": self._url("demo", title)})

    async def _authentic(self, request: web.Request) -> dict[str, Any]:
        """The document of a request that is signed, in time and about our agent."""
        presented = request.headers.get(HEADER)
        if not presented:
            raise _ERRORS["signature_required"]
        document = _decoded(await request.read())
        if document.get("agent_id") != self.agent_id:
            raise _ERRORS["agent_not_found"]
        if not self.api_token:
            raise _ERRORS["api_token_not_found"]
        if not self._is_signed(presented, document):
            raise _ERRORS["invalid_signature"]
        sent_at = document.get("timestamp")
        if type(sent_at) is not int:
            raise _ERRORS["validation_error"]
        if abs(self.clock.now().timestamp() - sent_at) > SKEW_MAX_S:
            raise _ERRORS["request_expired"]
        return document

    def _is_signed(self, presented: str, document: dict[str, Any]) -> bool:
        """Check over the document sorted and printed again, as PHP does, not over the bytes."""
        expected = signature(PHP(top_sorted(document)), self.api_token)
        return hmac.compare_digest(presented.encode(), expected.encode())

    def _title(self, document: dict[str, Any], fields: tuple[str, ...]) -> GameTitle:
        wrong = [name for name in fields if not isinstance(document.get(name), str)]
        if wrong or type(document.get("game_id")) is not int:
            raise _ERRORS["validation_error"]
        title = self._titles.get(document["game_id"])
        if title is None:
            raise _ERRORS["game_not_found"]
        if not title.is_available:
            raise _ERRORS["game_not_available"]
        return title

    def _url(self, kind: str, title: GameTitle) -> str:
        return (
            f"https://game.example.com/{kind}?token={self._names.token()}&gameId={title.number}"
        )

    def _success(self, content: dict[str, object]) -> web.Response:
        return web.json_response({"status": "success", **self._stamp(), "content": content})

    def _refusal(self, refused: ApiRefusal) -> dict[str, object]:
        error = {"error": refused.code, "message": refused.message}
        return {"status": "error", **error, **self._stamp()}

    def _stamp(self) -> dict[str, str]:
        return {"timestamp": instant_text(self.clock.now()), "request_id": self._names.uuid()}


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        raise _ERRORS["validation_error"] from None
    if not isinstance(document, dict):
        raise _ERRORS["validation_error"]
    return document


def _game(title: GameTitle) -> dict[str, object]:
    return {
        "id": title.number,
        "title": title.name,
        "brand": title.house,
        "image_url": f"https://cdn.example.com/images/games/{title.number}.jpg",
        "demo": title.has_demo,
    }
