r"""The agent platform's own API: links into games, and the list of them.

Every request is a POST whose body is signed. The bytes sent are the bytes signed: keys sorted,
compact, ``/`` as ``\/`` and non-ASCII escaped, as the platform's PHP prints them. A signature
check over the raw body and one over the document sorted again therefore agree. Any status but
200 is an error, whatever the body holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers.agent_platform.verify import HEADER
from providers.outbound.cached_value import CachedValue, ExpiringValue
from providers.outbound.calls import ApiCall, ErrorReply, Transport
from providers.outbound.launch import Game, Launch
from providers.outbound.replies import (
    count_at,
    flag_at,
    label_at,
    link_at,
    member,
    name_at,
    read_items,
)
from providers.wire.decode import Json, Number
from providers.wire.fields import instant
from providers.wire.php import sorted_payload
from providers.wire.signatures import hmac_sha256
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
class AgentPlatformCredentials:
    """Our account at the platform.

    Attributes:
        api_token: signs every request; the platform signs its callbacks with it too.
    """

    agent_id: int
    api_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GameSession:
    """A player about to open a game.

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

    def __init__(
        self, transport: Transport, credentials: AgentPlatformCredentials, *, clock: Clock
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._clock = clock
        self._games = CachedValue(self._list, clock=clock)

    async def close(self) -> None:
        """Cancel requests that are still running."""
        await self._games.close()

    async def get_game_link(self, session: GameSession, *, agent_session_id: str) -> Launch:
        """A link to a game for money; the platform opens a session, so it is sent once."""
        fields = {**_fields(session), "agent_session_id": agent_session_id}
        return await self._transport.send(
            self._call("/api/games/get_game_link", fields), _launch
        )

    async def get_game_link_demo(self, session: GameSession) -> Launch:
        """A link to a game with play money; no session is opened."""
        call = self._call("/api/games/get_game_link_demo", _fields(session))
        return await self._transport.send(call, _launch)

    async def games(self) -> tuple[Game, ...]:
        """All games open to us, as of the last few hours."""
        return await self._games.get()

    async def games_now(self) -> tuple[Game, ...]:
        """All games open to us, fetched now."""
        return (await self._list()).value

    async def _list(self) -> ExpiringValue[tuple[Game, ...]]:
        call = self._call("/api/games/list", {}, repeatable=True)
        games = await self._transport.send(call, _games)
        return ExpiringValue(games, self._clock.now() + GAMES_KEPT)

    def _call(
        self, path: str, fields: Mapping[str, Json], *, repeatable: bool = False
    ) -> ApiCall:
        payload = {
            **fields,
            "agent_id": Number(self._credentials.agent_id),
            "timestamp": Number(int(self._clock.now().timestamp())),
        }
        body = sorted_payload(payload)
        signature = hmac_sha256(self._credentials.api_token, body)
        return ApiCall(
            endpoint=f"POST {path}",
            headers={"Content-Type": "application/json", HEADER: signature},
            body=body,
            repeatable=repeatable,
            read_error=self._error,
        )

    def _error(self, document: Json) -> ErrorReply:
        code = member(document, "error")
        if not isinstance(code, str) or code not in CODES:
            return ErrorReply(None)
        if code != "request_expired":
            return ErrorReply(code)
        return ErrorReply(code, _skew(document, self._clock.now()))


def _skew(document: Json, now: datetime) -> str:
    """How far our clock is from theirs, if the reply names its time."""
    try:
        theirs = instant(member(document, "timestamp"), "timestamp")
    except Malformed:
        return "clock skew: compare our clock with theirs"
    seconds = round((now - theirs).total_seconds())
    return f"clock skew: our clock is {abs(seconds)} s {'ahead' if seconds > 0 else 'behind'}"


def _fields(session: GameSession) -> dict[str, Json]:
    return {
        "game_id": Number(session.game_id),
        "player_id": session.player_id,
        "player_username": session.player_username,
        "language": session.language,
        "currency": session.currency,
        "home_url": session.home_url,
        "ip": session.ip,
    }


def _content(document: Json) -> Json:
    if member(document, "status") != "success":
        raise Malformed("status", "success is expected")
    return member(document, "content")


def _launch(document: Json) -> Launch:
    return Launch(link_at(_content(document), "url", "content"))


def _games(document: Json) -> tuple[Game, ...]:
    """The whole list, or an error: a truncated list would hide games silently."""
    content = _content(document)
    games = read_items(member(content, "games", "content"), "content.games", _game)
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
