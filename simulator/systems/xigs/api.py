"""The scratch-card platform's API: a login gives two tokens, and everything else needs them.

Writes are signed with the second token over the body sorted at every depth. Lists come in
pages, counted from 1. The state, and the rows listed from it, are in
``simulator.systems.xigs.api_state``.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from aiohttp import web

from simulator.api.fault_injection import ApiRefusal, RefusalStyle, application
from simulator.api.games import NameMint, titles
from simulator.protocol.api_faults import ApiFault, FaultControl
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.protocol.json_text import PLAIN, JsonAmount
from simulator.systems.xigs.api_state import Rows, XigsState, page_of
from simulator.systems.xigs.calls import HEADER, signature
from vocabulary.clock import Clock, SystemClock

TRIGGERS = frozenset({"open-round", "close-round"})
CREDENTIAL_TYPES = frozenset({"email", "uuid", "username"})
#: The only kind of profile that the sandbox makes.
PROFILE_TYPE = "demo"
SESSION_LIFE = timedelta(hours=2)
#: The profile that a demonstration has from the start.
PROFILE = "demo-profile"

_UNAUTHORIZED = ApiRefusal(401, "UNAUTHORIZED", "Invalid or expired access token")
_SIGNATURE = ApiRefusal(401, "INVALID_SIGNATURE", "The request signature is missing or wrong")
_INVALID = ApiRefusal(400, "BAD_REQUEST", "The request was not understood")
_NOT_FOUND = ApiRefusal(404, "NOT_FOUND", "Not found")
_CONFLICT = ApiRefusal(409, "CONFLICT", "A webhook with this URL exists")
_TOO_MANY = ApiRefusal(429, "TOO_MANY_REQUESTS", "Too many requests")

STYLE = RefusalStyle(
    document=lambda refused: {
        "status": "error",
        "error": refused.code,
        "message": refused.message,
    },
    faults=MappingProxyType(
        {
            ApiFault.UNAUTHORIZED: _UNAUTHORIZED,
            ApiFault.FORBIDDEN: ApiRefusal(403, "FORBIDDEN", "Not allowed"),
            ApiFault.NOT_FOUND: _NOT_FOUND,
            ApiFault.UNPROCESSABLE: ApiRefusal(422, "UNPROCESSABLE", "Not processable"),
            ApiFault.TOO_MANY: _TOO_MANY,
            ApiFault.FAILURE: ApiRefusal(500, "INTERNAL_ERROR", "Internal error"),
        }
    ),
    not_found=_NOT_FOUND,
    method_wrong=ApiRefusal(405, "METHOD_NOT_ALLOWED", "Method not allowed"),
)

RequestBody = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Login:
    """What one login gave."""

    signature_token: bytes
    until: datetime


@dataclass(slots=True, kw_only=True)
class XigsApi:
    """One integrator at the platform.

    Attributes:
        token_life: after which both tokens of a login are refused.
        logins_per_minute: beyond which a login is answered 429.
        state: profiles, users, sessions, rounds, webhooks.
    """

    seed: int
    api_key: str
    token_life: timedelta = timedelta(hours=2)
    logins_per_minute: int = 10
    clock: Clock = field(default_factory=SystemClock)
    control: FaultControl = field(default_factory=FaultControl)
    state: XigsState = field(default_factory=XigsState)
    _logins: dict[str, _Login] = field(init=False, default_factory=dict)
    _logged_in_at: list[datetime] = field(init=False, default_factory=list)
    _names: NameMint = field(init=False)
    _games: dict[str, RequestBody] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._names = NameMint(seed=self.seed)
        for title in titles(self.seed):
            number = f"{title.number:024x}"
            self._games[number] = {"gameId": number, "name": title.name}

    @property
    def games(self) -> tuple[str, ...]:
        """The ids of all games, in the order of the catalogue."""
        return tuple(self._games)

    def application(self) -> web.Application:
        """The API, ready to be served."""
        app = application(self.control, STYLE)
        app.router.add_post("/v1/auth/login", self._log_in)
        app.router.add_post("/v1/profile", self._make_profile)
        app.router.add_get("/v1/profile", self._list_profiles)
        app.router.add_put("/v1/profile/{id}", self._change_profile)
        app.router.add_post("/v1/user/auth", self._know_user)
        app.router.add_get("/v1/user", self._list_users)
        app.router.add_post("/v1/game", self._make_game)
        app.router.add_post("/v1/game/session", self._open_session)
        app.router.add_get("/v1/game/session", self._list_sessions)
        app.router.add_get("/v1/transaction", self._list_transactions)
        app.router.add_post("/v1/webhook", self._make_webhook)
        app.router.add_get("/v1/webhook", self._list_webhooks)
        app.router.add_get("/v1/webhook/{id}", self._list_deliveries)
        app.router.add_delete("/v1/webhook/{id}", self._drop_webhook)
        return app

    def remember(self, lines: Sequence[HistoryLine], span: RunSpan) -> None:
        """Know the rounds, each in the session of its player."""
        self.state.play(lines, span, game=self.games[0], until=span.ended + SESSION_LIFE)

    def forget_tokens(self) -> None:
        """Refuse every token given so far, as after a restart."""
        self._logins.clear()

    async def _log_in(self, request: web.Request) -> web.Response:
        now = self.clock.now()
        recent = [at for at in self._logged_in_at if now - at < timedelta(minutes=1)]
        if len(recent) >= self.logins_per_minute:
            raise _TOO_MANY
        self._logged_in_at = [*recent, now]
        key = _text(await _document(request), "apiKey")
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise ApiRefusal(401, "UNAUTHORIZED", "Invalid API key")
        access, signing = self._names.token(), self._names.token()
        self._logins[access] = _Login(signing.encode(), now + self.token_life)
        tokens = {"accessToken": access, "signatureToken": signing}
        return _success({**tokens, "expireAt": instant_text(now + self.token_life)})

    async def _make_profile(self, request: web.Request) -> web.Response:
        profile = _profile(await self._written(request))
        number = self._names.object_id()
        self.state.profiles[number] = {"profileId": number, **profile}
        return _success({"profileId": number}, status=201)

    async def _change_profile(self, request: web.Request) -> web.Response:
        changes = _profile(await self._written(request))
        profile = self.state.profiles.get(request.match_info["id"])
        if profile is None:
            raise _NOT_FOUND
        profile.update(changes)
        return _success({"profileId": profile["profileId"]})

    async def _know_user(self, request: web.Request) -> web.Response:
        document = await self._written(request)
        kind, credential = _text(document, "credentialType"), _text(document, "credential")
        if kind not in CREDENTIAL_TYPES:
            raise _INVALID
        if _text(document, "profileId") not in self.state.profiles:
            raise _NOT_FOUND
        user = self.state.user(kind, credential, self._names, self.clock.now())
        token = self._names.token()
        self.state.user_tokens[token] = user
        return _success({"userToken": token, "userId": user})

    async def _make_game(self, request: web.Request) -> web.Response:
        changes = await self._written(request)
        number = _text(changes, "gameId") if "gameId" in changes else self._names.object_id()
        game = {**self._games.get(number, {}), **changes, "gameId": number}
        self._games[number] = game
        return _success(game, status=201)

    async def _open_session(self, request: web.Request) -> web.Response:
        document = await self._written(request)
        user = self.state.user_tokens.get(_text(document, "userToken"))
        game = _text(document, "gameId")
        if user is None or game not in self._games:
            raise _NOT_FOUND
        number, now = self._names.object_id(), self.clock.now()
        until = instant_text(now + SESSION_LIFE)
        self.state.open_session(number, user=user, game=game, now=now, until=until)
        url = f"https://cards.example.com/{game}?session={number}"
        opened = {"sessionId": number, "gameUrl": url, "expiresAt": until}
        return _success(opened, status=201)

    async def _make_webhook(self, request: web.Request) -> web.Response:
        document = await self._written(request)
        url, token = _text(document, "url"), _text(document, "signatureToken")
        triggers = document.get("eventTriggers")
        if not isinstance(triggers, list) or not triggers or not set(triggers) <= TRIGGERS:
            raise _INVALID
        if any(webhook["url"] == url for webhook in self.state.webhooks.values()):
            raise _CONFLICT
        number = self._names.uuid()
        self.state.register(number, url, triggers, token, self.clock.now())
        return _success({"webhookId": number}, status=201)

    async def _drop_webhook(self, request: web.Request) -> web.Response:
        self._authorised(request)
        if self.state.webhooks.pop(request.match_info["id"], None) is None:
            raise _NOT_FOUND
        return _success({})

    async def _list_profiles(self, request: web.Request) -> web.Response:
        return self._listed(request, list(self.state.profiles.values()))

    async def _list_users(self, request: web.Request) -> web.Response:
        return self._listed(request, list(self.state.users.values()), "userId")

    async def _list_sessions(self, request: web.Request) -> web.Response:
        whole = request.query.get("showRoundsAndTransactions") == "true"
        return self._listed(request, self.state.session_rows(whole=whole), "gameId", "userId")

    async def _list_transactions(self, request: web.Request) -> web.Response:
        return self._listed(request, self.state.transaction_rows(), "userId")

    async def _list_webhooks(self, request: web.Request) -> web.Response:
        return self._listed(request, list(self.state.webhooks.values()))

    async def _list_deliveries(self, request: web.Request) -> web.Response:
        self._authorised(request)
        deliveries = self.state.deliveries.get(request.match_info["id"])
        if deliveries is None:
            raise _NOT_FOUND
        return self._listed(request, deliveries, "status")

    def _listed(self, request: web.Request, rows: Rows, *filters: str) -> web.Response:
        self._authorised(request)
        page = page_of(rows, request.query, filters)
        if page is None:
            raise _INVALID
        items, pagination = page
        return _success(items, pagination=pagination)

    async def _written(self, request: web.Request) -> RequestBody:
        """The body of a write that is authorised and signed."""
        login = self._authorised(request)
        document = await _document(request)
        expected = signature(document, login.signature_token)
        presented = request.headers.get(HEADER, "")
        if not hmac.compare_digest(presented.encode(), expected.encode()):
            raise _SIGNATURE
        return document

    def _authorised(self, request: web.Request) -> _Login:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        login = self._logins.get(token) if scheme == "Bearer" else None
        if login is None or login.until <= self.clock.now():
            raise _UNAUTHORIZED
        return login


async def _document(request: web.Request) -> RequestBody:
    """A JSON object, whose numbers with a point are kept as decimals."""
    try:
        document = json.loads(await request.read(), parse_float=_number)
    except ValueError:
        raise _INVALID from None
    if not isinstance(document, dict):
        raise _INVALID
    return document


def _number(token: str) -> JsonAmount:
    scaled = Decimal(token)
    exponent = scaled.as_tuple().exponent
    assert isinstance(exponent, int)  # JSON has no infinities
    places = max(0, -exponent)
    return JsonAmount(int(scaled.scaleb(places)), places)


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise _INVALID
    return value


def demo_api(seed: int) -> XigsApi:
    """The API with the key and the profile that a demonstration knows."""
    api = XigsApi(seed=seed, api_key="demo-xigs-secret")
    api.state.profiles[PROFILE] = {
        "profileId": PROFILE,
        "email": "demo@example.com",
        "description": "Demo",
        "profileType": PROFILE_TYPE,
        "avatarUrl": None,
    }
    return api


def _profile(document: RequestBody) -> RequestBody:
    profile = {name: _text(document, name) for name in ("email", "description", "profileType")}
    if profile["profileType"] != PROFILE_TYPE:
        raise ApiRefusal(400, "BAD_REQUEST", "The sandbox makes only demo profiles")
    return {**profile, "avatarUrl": document.get("avatarUrl")}


def _success(data: object, *, status: int = 200, **more: object) -> web.Response:
    document = {"status": "success", "data": data, **more}
    return web.json_response(document, status=status, dumps=PLAIN)
