"""The aggregator's API: a key in a header; players, houses, games, links."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from aiohttp import web

from simulator.api.fault_injection import ApiRefusal, RefusalStyle, application, object_of
from simulator.api.games import HOUSES, GameTitle, NameMint, titles
from simulator.protocol.api_faults import ApiFault, FaultControl
from simulator.protocol.history_lines import HistoryLine, RunSpan

#: The game id of a house's lobby.
LOBBY = "0"

_KEY_WRONG = ApiRefusal(401, "Invalid API key")
_INVALID = ApiRefusal(400, "Invalid request")
_NOT_FOUND = ApiRefusal(404, "Not Found")

STYLE = RefusalStyle(
    document=lambda refused: {"error": refused.code},
    faults=MappingProxyType(
        {
            ApiFault.UNAUTHORIZED: _KEY_WRONG,
            ApiFault.FORBIDDEN: ApiRefusal(403, "IP not allowed"),
            ApiFault.NOT_FOUND: _NOT_FOUND,
            ApiFault.UNPROCESSABLE: ApiRefusal(422, "Unprocessable"),
            ApiFault.TOO_MANY: ApiRefusal(429, "Too many requests"),
            ApiFault.FAILURE: ApiRefusal(500, "Internal error"),
        }
    ),
    not_found=_NOT_FOUND,
    method_wrong=ApiRefusal(405, "Method Not Allowed"),
)


@dataclass(slots=True, kw_only=True)
class AggregatorApi:
    """One account at the aggregator.

    Attributes:
        allowed: the addresses it may be called from; None: any.
        handles: what each of our references became.
        bets: the bets whose page can be asked for.
    """

    seed: int
    api_key: str
    prefix: str = "LAG1"
    control: FaultControl = field(default_factory=FaultControl)
    allowed: frozenset[str] | None = None
    handles: dict[str, str] = field(default_factory=dict)
    bets: set[str] = field(default_factory=set)
    _names: NameMint = field(init=False)
    _titles: tuple[GameTitle, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._names = NameMint(seed=self.seed)
        self._titles = titles(self.seed)

    def application(self) -> web.Application:
        """The API, ready to be served."""
        app = application(self.control, STYLE)
        app.router.add_post("/create-user", self._create_user)
        app.router.add_get("/game/provider", self._houses)
        app.router.add_post("/game/list", self._games)
        app.router.add_post("/game/open-game", self._open)
        app.router.add_post("/bet-history/report/detail-bet", self._detail)
        return app

    def remember(self, lines: Sequence[HistoryLine], _span: RunSpan) -> None:
        """Know the bets, each of which has a page."""
        self.bets.update(line.round_id for line in lines)

    async def _create_user(self, request: web.Request) -> web.Response:
        reference = _text(await self._document(request), "user_agent")
        handle = self.handles.setdefault(reference, f"{self.prefix}.{reference}")
        return web.json_response({"user_agent": handle})

    async def _houses(self, request: web.Request) -> web.Response:
        self._require_key(request)
        return web.json_response(
            [
                {
                    "provider_name": house,
                    "display_name": house.lower(),
                    "image": f"https://img.example.com/providers/{number}.jpg",
                }
                for number, house in enumerate(HOUSES)
            ]
        )

    async def _games(self, request: web.Request) -> web.Response:
        house = _text(await self._document(request), "game_provider")
        if house not in HOUSES:
            raise _NOT_FOUND
        items = [_item(title) for title in self._titles if title.house == house]
        return web.json_response({"is_item": True, "items": items})

    async def _open(self, request: web.Request) -> web.Response:
        document = await self._document(request)
        house, game = _text(document, "game_provider"), _text(document, "game_id")
        if _text(document, "user_agent") not in self.handles.values():
            raise _NOT_FOUND
        games = {str(title.number) for title in self._titles if title.house == house}
        if game not in games | ({LOBBY} if house in HOUSES else set()):
            raise _NOT_FOUND
        url = f"https://play.example.com/launch?token={self._names.token()}"
        return web.json_response({"is_item": False, "url": url})

    async def _detail(self, request: web.Request) -> web.Response:
        bet = _text(await self._document(request), "bet_id")
        if bet not in self.bets:
            raise _NOT_FOUND
        return web.json_response(
            {"status": True, "item": f"https://history.example.com/bets/{self._names.token()}"}
        )

    async def _document(self, request: web.Request) -> dict[str, object]:
        """The body of a known caller, JSON or form-encoded."""
        self._require_key(request)
        if request.content_type == "application/x-www-form-urlencoded":
            return {name: str(value) for name, value in (await request.post()).items()}
        return await object_of(request, _INVALID)

    def _require_key(self, request: web.Request) -> None:
        key = request.headers.get("x-api-key", "").encode()
        prefix = request.headers.get("x-api-prefix", self.prefix)
        if not hmac.compare_digest(key, self.api_key.encode()) or prefix != self.prefix:
            raise _KEY_WRONG
        if self.allowed is not None and request.remote not in self.allowed:
            raise STYLE.faults[ApiFault.FORBIDDEN]


def _text(document: dict[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise _INVALID
    return value


def _item(title: GameTitle) -> dict[str, object]:
    return {
        "game_id": str(title.number),
        "game_name": title.name,
        "game_provider": title.house,
        "game_type": "slot",
        "game_image": f"https://cdn.example.com/games/{title.number}.png",
        "is_active": title.is_available,
    }
