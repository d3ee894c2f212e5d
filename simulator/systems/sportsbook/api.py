"""The sportsbook's API: a token for a while, and sessions opened with it."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from aiohttp import web

from simulator.api.fault_injection import ApiRefusal, RefusalStyle, application, object_of
from simulator.api.games import NameMint
from simulator.protocol.api_faults import ApiFault, FaultControl
from simulator.protocol.history_lines import HistoryLine, RunSpan
from vocabulary.clock import Clock, SystemClock

_UNAUTHORIZED = ApiRefusal(401, "UNAUTHORIZED")
_INVALID = ApiRefusal(400, "INVALID_REQUEST")

STYLE = RefusalStyle(
    document=lambda refused: {"error": refused.code},
    faults=MappingProxyType(
        {
            ApiFault.UNAUTHORIZED: _UNAUTHORIZED,
            ApiFault.FORBIDDEN: ApiRefusal(403, "FORBIDDEN"),
            ApiFault.NOT_FOUND: ApiRefusal(404, "NOT_FOUND"),
            ApiFault.UNPROCESSABLE: ApiRefusal(422, "INVALID_REQUEST"),
            ApiFault.TOO_MANY: ApiRefusal(429, "TOO_MANY_REQUESTS"),
            ApiFault.FAILURE: ApiRefusal(500, "INTERNAL_ERROR"),
        }
    ),
    not_found=ApiRefusal(404, "NOT_FOUND"),
    method_wrong=ApiRefusal(405, "METHOD_NOT_ALLOWED"),
)


@dataclass(slots=True, kw_only=True)
class SportsbookApi:
    """One client's account at the sportsbook.

    Attributes:
        version: the first segment of every path.
        token_life: after which a token is refused.
        sessions: the user and the currency of every session opened, in order.
    """

    seed: int
    username: str
    password: str
    version: str = "v1"
    token_life: timedelta = timedelta(hours=1)
    clock: Clock = field(default_factory=SystemClock)
    control: FaultControl = field(default_factory=FaultControl)
    sessions: list[tuple[str, str]] = field(default_factory=list)
    _tokens: dict[str, datetime] = field(init=False, default_factory=dict)
    _names: NameMint = field(init=False)

    def __post_init__(self) -> None:
        self._names = NameMint(seed=self.seed)

    def application(self) -> web.Application:
        """The API, ready to be served."""
        app = application(self.control, STYLE)
        app.router.add_post(f"/{self.version}/auth", self._auth)
        app.router.add_post(f"/{self.version}/start-session", self._start)
        return app

    def remember(self, _lines: Sequence[HistoryLine], _span: RunSpan) -> None:
        """Remember nothing: the document has no history."""

    def forget_tokens(self) -> None:
        """Refuse every token given so far, as after a restart."""
        self._tokens.clear()

    async def _auth(self, request: web.Request) -> web.Response:
        document = await object_of(request, _INVALID)
        login = f"{document.get('username')}\x00{document.get('password')}".encode()
        if not hmac.compare_digest(login, f"{self.username}\x00{self.password}".encode()):
            raise _UNAUTHORIZED
        token = self._names.token()
        self._tokens[token] = self.clock.now() + self.token_life
        seconds = int(self.token_life.total_seconds())
        return web.json_response({"token": token, "expires_in": seconds})

    async def _start(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        until = self._tokens.get(token) if scheme == "Bearer" else None
        if until is None or until <= self.clock.now():
            raise _UNAUTHORIZED
        document = await object_of(request, _INVALID)
        user, currency = document.get("user_id"), document.get("currency")
        if not (isinstance(user, str) and user and isinstance(currency, str) and currency):
            raise _INVALID
        self.sessions.append((user, currency))
        return web.json_response(
            {"url": f"https://book.example.com/frame?session={self._names.token()}"}
        )
