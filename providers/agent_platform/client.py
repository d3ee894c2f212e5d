r"""The agent platform's own API: links into games, and the list of them.

Every request is a POST whose body is signed. The bytes sent are the bytes signed: keys sorted,
compact, ``/`` as ``\/`` and non-ASCII escaped, as the platform's PHP prints them, so that a
check of the raw body and a check of the document sorted anew agree. Any status but 200 is an
error, whatever the body holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers.fields import instant
from providers.outbound import ApiCall, ErrorReply, Outbound
from providers.outbound_json import count_at, each, flag_at, label_at, link_at, member, name_at
from providers.outbound_results import Game, Launch
from providers.outbound_token import CachedValue, ExpiringValue
from providers.php import sorted_payload
from providers.signatures import hmac_sha256
from providers.wire import Json, Number
from vocabulary.clock import Clock
from vocabulary.errors import Malformed

#: The list changes rarely; the document recommends asking every few hours.
GAMES_KEPT = timedelta(hours=4)

#: Every error code that the document lists.
CODES = frozenset(
    [
        "signature_required",
        "invalid_signature",
        "agent_not_found",
        "api_token_not_found",
        "game_not_found",
        "game_not_available",
        "game_provider_not_found",
        "method_not_allowed",
        "validation_error",
        "request_expired",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who we are there.

    Attributes:
        api_token: signs every request; the platform signs its callbacks with it too.
    """

    agent_id: int
    api_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GameSession:
    """A player about to sit down at a game.

    Attributes:
        player_id: identifies the player; callbacks name it.
        player_username: shown only; several players may share one.
        home_url: where the game's home button leads.
        ip: the player's address.
    """

    game_id: int
    player_id: str
    player_username: str
    language: str
    currency: str
    home_url: str
    ip: str


class AgentPlatformClient:
    """The calls of the platform's document.

    Every method raises ApiUnavailable, ApiRefused or ApiUnreadable.
    """

    def __init__(self, out: Outbound, credentials: Credentials, *, clock: Clock) -> None:
        self._out = out
        self._credentials = credentials
        self._clock = clock
        self._games = CachedValue(self._list, clock=clock)

    async def close(self) -> None:
        """End what is still under way."""
        await self._games.close()

    async def get_game_link(self, sitting: GameSession, *, agent_session_id: str) -> Launch:
        """A link to a game for money; the platform opens a session, so it is sent once."""
        fields = {**_fields(sitting), "agent_session_id": agent_session_id}
        return await self._out.ask(self._call("/api/games/get_game_link", fields), _launch)

    async def get_game_link_demo(self, sitting: GameSession) -> Launch:
        """A link to a game with play money; no session is opened."""
        call = self._call("/api/games/get_game_link_demo", _fields(sitting))
        return await self._out.ask(call, _launch)

    async def games(self) -> tuple[Game, ...]:
        """All games open to us, as of the last few hours."""
        return await self._games.get()

    async def games_now(self) -> tuple[Game, ...]:
        """All games open to us, asked for anew."""
        return (await self._list()).value

    async def _list(self) -> ExpiringValue[tuple[Game, ...]]:
        call = self._call("/api/games/list", {}, repeatable=True)
        games = await self._out.ask(call, _games)
        return ExpiringValue(games, self._clock.now() + GAMES_KEPT)

    def _call(
        self, path: str, fields: Mapping[str, Json], *, repeatable: bool = False
    ) -> ApiCall:
        payload = {
            **fields,
            "agent_id": Number(self._credentials.agent_id),
            "timestamp": Number(int(self._clock.now().timestamp())),
        }
        body = sorted_payload(payload, escaped=True)
        signature = hmac_sha256(self._credentials.api_token, body)
        return ApiCall(
            endpoint=f"POST {path}",
            headers={"Content-Type": "application/json", "X-Signature": signature},
            body=body,
            repeatable=repeatable,
            fault=self._fault,
        )

    def _fault(self, document: Json) -> ErrorReply:
        code = member(document, "error")
        if not isinstance(code, str) or code not in CODES:
            return ErrorReply(None)
        if code != "request_expired":
            return ErrorReply(code)
        return ErrorReply(code, _skew_told(document, self._clock.now()))


def _skew_told(document: Json, now: datetime) -> str:
    """How far our clock is from theirs, as far as the reply tells."""
    try:
        theirs = instant(member(document, "timestamp"), "timestamp")
    except Malformed:
        return "clock skew: compare our clock with theirs"
    seconds = round((now - theirs).total_seconds())
    return f"clock skew: our clock is {abs(seconds)} s {'ahead' if seconds > 0 else 'behind'}"


def _fields(sitting: GameSession) -> dict[str, Json]:
    return {
        "game_id": Number(sitting.game_id),
        "player_id": sitting.player_id,
        "player_username": sitting.player_username,
        "language": sitting.language,
        "currency": sitting.currency,
        "home_url": sitting.home_url,
        "ip": sitting.ip,
    }


def _content(document: Json) -> Json:
    if member(document, "status") != "success":
        raise Malformed("status", "success is expected")
    return member(document, "content")


def _launch(document: Json) -> Launch:
    return Launch(link_at(_content(document), "url", "content"))


def _games(document: Json) -> tuple[Game, ...]:
    """The whole list, or nothing: a list cut short would hide games without a word."""
    content = _content(document)
    games = each(member(content, "games", "content"), "content.games", _game)
    if count_at(content, "total", "content") != len(games):
        raise Malformed("content.total", "the number of games listed is expected")
    return games


def _game(item: Json, path: str) -> Game:
    return Game(
        game_id=str(count_at(item, "id", path)),
        title=label_at(item, "title", path),
        provider=name_at(item, "brand", path),
        kind="",
        is_active=True,
        has_demo=flag_at(item, "demo", path, absent=False),
    )
