"""The agent platform's API: signed, timely requests; links into games and the list of them."""

import hmac
import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from aiohttp import web

from simulator.api.fault_injection import (
    ApiFault,
    ApiRefusal,
    FaultControl,
    RefusalStyle,
    application,
)
from simulator.api.games import GameTitle, NameMint, titles
from simulator.protocol.agent_platform import AGENT_ID, HEADER, signature
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import PHP, top_sorted
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
_TROUBLES = MappingProxyType(
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
        manner = RefusalStyle(
            document=self._refusal,
            troubles=_TROUBLES,
            not_found=_NOT_FOUND,
            method_wrong=_ERRORS["method_not_allowed"],
        )
        app = application(self.control, manner)
        app.router.add_post("/api/games/list", self._list)
        app.router.add_post("/api/games/get_game_link", self._link)
        app.router.add_post("/api/games/get_game_link_demo", self._demo_link)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        await self._asked(request)
        games = [_game(title) for title in self._titles.values() if title.is_available]
        return self._success({"games": games, "total": len(games)})

    async def _link(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        title = self._title(asked, (*_PLAYER_FIELDS, "agent_session_id"))
        self.sessions.append((asked["agent_session_id"], asked["player_id"]))
        return self._success({"url": self._url("play", title)})

    async def _demo_link(self, request: web.Request) -> web.Response:
        title = self._title(await self._asked(request), _PLAYER_FIELDS)
        if not title.has_demo:
            raise _ERRORS["game_provider_not_found"]
        return self._success({"url": self._url("demo", title)})

    async def _asked(self, request: web.Request) -> dict[str, Any]:
        """The document of a request that is signed, in time and about our agent."""
        given = request.headers.get(HEADER)
        if not given:
            raise _ERRORS["signature_required"]
        asked = _decoded(await request.read())
        if asked.get("agent_id") != self.agent_id:
            raise _ERRORS["agent_not_found"]
        if not self.api_token:
            raise _ERRORS["api_token_not_found"]
        if not self._is_signed(given, asked):
            raise _ERRORS["invalid_signature"]
        sent_at = asked.get("timestamp")
        if type(sent_at) is not int:
            raise _ERRORS["validation_error"]
        if abs(self.clock.now().timestamp() - sent_at) > SKEW_MAX_S:
            raise _ERRORS["request_expired"]
        return asked

    def _is_signed(self, given: str, asked: dict[str, Any]) -> bool:
        """Over the document sorted and printed anew, as PHP does it; never over the bytes."""
        expected = signature(PHP(top_sorted(asked)), self.api_token)
        return hmac.compare_digest(given.encode(), expected.encode())

    def _title(self, asked: dict[str, Any], fields: tuple[str, ...]) -> GameTitle:
        wrong = [name for name in fields if not isinstance(asked.get(name), str)]
        if wrong or type(asked.get("game_id")) is not int:
            raise _ERRORS["validation_error"]
        title = self._titles.get(asked["game_id"])
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
        said = {"error": refused.code, "message": refused.message}
        return {"status": "error", **said, **self._stamp()}

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
