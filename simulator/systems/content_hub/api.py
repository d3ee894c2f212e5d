"""The hub's API in memory: signed requests; games, links, and transactions by time or round."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from aiohttp import web

from simulator.api.fault_injection import ApiRefusal, RefusalStyle, application, object_of
from simulator.api.games import GameTitle, NameMint, titles
from simulator.protocol.api_faults import ApiFault, FaultControl
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.systems.content_hub.calls import DIGITS, HEADER
from simulator.systems.content_hub.keys import DEMO_NAME, secret_of, signature
from simulator.systems.content_hub.statement import document
from vocabulary.currencies import ISO_ONLY, digits_of

OPERATOR_ID = 77
_PREFIX = "/operator/generic/v2"
_INVALID = ApiRefusal(400, "Invalid parameters")
_UNSIGNED = ApiRefusal(401, "Invalid signature")
_NOT_FOUND = ApiRefusal(404, "Not found")

STYLE = RefusalStyle(
    document=lambda refusal: {"error": refusal.code},
    faults=MappingProxyType(
        {
            ApiFault.UNAUTHORIZED: _UNSIGNED,
            ApiFault.FORBIDDEN: ApiRefusal(403, "Not enabled"),
            ApiFault.NOT_FOUND: _NOT_FOUND,
            ApiFault.UNPROCESSABLE: ApiRefusal(422, "Invalid parameters"),
            ApiFault.TOO_MANY: ApiRefusal(429, "Too many requests"),
            ApiFault.FAILURE: ApiRefusal(500, "Internal server error"),
        }
    ),
    not_found=_NOT_FOUND,
    method_wrong=ApiRefusal(405, "Method not allowed"),
)

Document = dict[str, object]


@dataclass(slots=True, kw_only=True)
class ContentHubApi:
    """One account.

    Attributes:
        key: the operator's private key; the hub verifies by signing the same body again.
        transactions: the documents of everything played, in order.
        sessions: (player, game) of every link given.
    """

    seed: int
    key: bytes
    control: FaultControl = field(default_factory=FaultControl)
    transactions: list[Document] = field(default_factory=list)
    sessions: list[tuple[str, str]] = field(default_factory=list)
    _names: NameMint = field(init=False)
    _titles: dict[str, GameTitle] = field(init=False)

    def __post_init__(self) -> None:
        self._names = NameMint(seed=self.seed)
        self._titles = {f"hub_{title.number}": title for title in titles(self.seed)}

    def application(self) -> web.Application:
        """The API, ready to be served."""
        app = application(self.control, STYLE)
        app.router.add_post(f"{_PREFIX}/game/list", self._games)
        app.router.add_post(f"{_PREFIX}/game/url", self._launch)
        app.router.add_post(f"{_PREFIX}/transactions/list", self._list)
        return app

    def remember(self, lines: Sequence[HistoryLine], span: RunSpan) -> None:
        """Know the transactions, and one that was declined."""
        for line in lines:
            spare = DIGITS - digits_of(line.currency, ISO_ONLY)
            amount = line.amount * int(10**spare)
            moved = document(line, span) | {"amount": amount, "status": "TS_SUCCESS"}
            self.transactions.append(moved)
        if self.transactions:
            first = self.transactions[0]
            own = {"transaction_uuid": "declined", "status": "TS_DECLINED"}
            self.transactions.append(first | own)

    async def _games(self, request: web.Request) -> web.Response:
        await self._authentic(request)
        games = [
            {
                "game_code": code,
                "name": title.name,
                "product": title.house,
                "category": "Video Slots",
                "enabled": title.is_available,
            }
            for code, title in self._titles.items()
        ]
        return web.json_response(games)

    async def _launch(self, request: web.Request) -> web.Response:
        fields = await self._authentic(request)
        game = str(fields.get("game_code"))
        if game not in self._titles:
            raise _NOT_FOUND
        self.sessions.append((str(fields.get("user")), game))
        url = f"https://play.example.com/{game}?session={self._names.token()}"
        return web.json_response({"url": url})

    async def _list(self, request: web.Request) -> web.Response:
        fields = await self._authentic(request)
        if "round" in fields:
            listed = [item for item in self.transactions if item["round"] == fields["round"]]
        elif {"start_time", "end_time"} <= fields.keys():
            since, until = str(fields["start_time"]), str(fields["end_time"])
            listed = [
                item
                for item in self.transactions
                if since <= str(item["created_at"])[:19] <= until
            ]
        else:
            raise _INVALID
        return web.json_response(listed)

    async def _authentic(self, request: web.Request) -> Document:
        """The document of a signed request of our account."""
        if request.headers.get(HEADER) != signature(await request.read(), self.key):
            raise _UNSIGNED
        fields = await object_of(request, _INVALID)
        if fields.get("operator_id") != OPERATOR_ID:
            raise _NOT_FOUND
        return fields


def demo_api(seed: int) -> ContentHubApi:
    """The API with the key that a demonstration knows."""
    return ContentHubApi(seed=seed, key=secret_of(DEMO_NAME))
