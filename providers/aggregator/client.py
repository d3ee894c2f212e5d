"""The aggregator's own API: players, catalogue, launch links, the page of one bet.

Only reads are repeated. ``create-user`` and ``open-game`` are sent once, because the document
does not say what a second request does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from providers.outbound.calls import ApiCall, ErrorReply, Transport
from providers.outbound.launch import Game, GameProvider, Launch, RegisteredPlayer
from providers.outbound.replies import (
    compact,
    flag_at,
    label_at,
    link_at,
    member,
    name_at,
    read_items,
)
from providers.wire.decode import Json
from vocabulary.errors import Malformed

#: The game id of a provider's lobby.
LOBBY = "0"

#: The documented texts of an error reply, which has no codes; any other text is not shown.
_ERRORS = frozenset({"Invalid API key", "IP not allowed", "Not Found"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """Optional details of a player.

    Attributes:
        password: the player's password at the aggregator, where players have one.
        ip: the player's address.
    """

    firstname: str | None = None
    lastname: str | None = None
    password: str | None = None
    phone: str | None = None
    ip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatorCredentials:
    """What every request carries.

    Attributes:
        api_key: authenticates us.
        prefix: our account's prefix, which speeds up their routing; None: not sent.
        form_bodies: bodies go form-encoded instead of as JSON.
    """

    api_key: str = field(repr=False)
    prefix: str | None = None
    form_bodies: bool = False


class AggregatorClient:
    """The calls of the aggregator's document.

    Every method raises ApiUnavailable, ApiRefused or ApiUnreadable.
    """

    def __init__(self, transport: Transport, credentials: AggregatorCredentials) -> None:
        self._transport = transport
        self._form_bodies = credentials.form_bodies
        self._headers = {"x-api-key": credentials.api_key}
        if credentials.prefix is not None:
            self._headers["x-api-prefix"] = credentials.prefix

    async def create_user(
        self, reference: str, personal: Personal | None = None
    ) -> RegisteredPlayer:
        """Register a player under our reference; their handle, with its prefix, comes back."""
        details = personal or Personal()
        call = self._post(
            "/create-user",
            {
                "user_agent": reference,
                "firstname": details.firstname,
                "lastname": details.lastname,
                "password": details.password,
                "phone": details.phone,
                "ip": details.ip,
            },
        )
        return await self._transport.send(
            call, lambda document: RegisteredPlayer(name_at(document, "user_agent"))
        )

    async def game_providers(self) -> tuple[GameProvider, ...]:
        """The houses whose games can be asked for."""
        call = ApiCall(
            endpoint="GET /game/provider",
            headers=self._headers,
            repeatable=True,
            read_error=_error,
        )
        return await self._transport.send(
            call, lambda document: read_items(document, "body", _house)
        )

    async def games(
        self, game_provider: str, *, mobile: bool | None = None
    ) -> tuple[Game, ...]:
        """The games of one house."""
        body = {"game_provider": game_provider, "mobile": mobile}
        call = self._post("/game/list", body, repeatable=True)
        return await self._transport.send(call, _games)

    async def open_game(
        self,
        *,
        handle: str,
        game_provider: str,
        game_id: str = LOBBY,
        redirect_url: str | None = None,
        mobile: bool | None = None,
        ip: str | None = None,
    ) -> Launch:
        """A link under which the player plays; the default game is the house's lobby."""
        call = self._post(
            "/game/open-game",
            {
                "user_agent": handle,
                "game_provider": game_provider,
                "game_id": game_id,
                "redirect_url": redirect_url,
                "mobile": mobile,
                "ip": ip,
            },
        )
        return await self._transport.send(
            call, lambda document: Launch(link_at(document, "url"))
        )

    async def bet_detail(self, bet_id: str) -> Launch:
        """A link to the page that shows one bet."""
        endpoint = "/bet-history/report/detail-bet"
        call = self._post(endpoint, {"bet_id": bet_id}, repeatable=True)
        return await self._transport.send(call, _detail)

    def _post(
        self, path: str, document: Mapping[str, str | bool | None], *, repeatable: bool = False
    ) -> ApiCall:
        if self._form_bodies:
            kind, body = "application/x-www-form-urlencoded", _form(document)
        else:
            kind, body = "application/json", compact(document)
        return ApiCall(
            endpoint=f"POST {path}",
            headers={**self._headers, "Content-Type": kind},
            body=body,
            repeatable=repeatable,
            read_error=_error,
        )


def _form(document: Mapping[str, str | bool | None]) -> bytes:
    sent = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in document.items()
        if value is not None
    }
    return urlencode(sent).encode("ascii")


def _error(document: Json) -> ErrorReply:
    """The text of an error reply, if it is a documented one."""
    text = member(document, "error")
    return ErrorReply(text if isinstance(text, str) and text in _ERRORS else None)


def _house(item: Json, path: str) -> GameProvider:
    return GameProvider(
        name=name_at(item, "provider_name", path), title=label_at(item, "display_name", path)
    )


def _games(document: Json) -> tuple[Game, ...]:
    return read_items(member(document, "items"), "items", _game)


def _game(item: Json, path: str) -> Game:
    return Game(
        game_id=name_at(item, "game_id", path),
        title=label_at(item, "game_name", path),
        provider=name_at(item, "game_provider", path),
        kind=label_at(item, "game_type", path),
        is_active=flag_at(item, "is_active", path, absent=True),
        has_demo=False,
    )


def _launch(document: Json) -> Launch:
    return Launch(link_at(document, "url"))


def _detail(document: Json) -> Launch:
    if member(document, "status") is not True:
        raise Malformed("status", "true is expected")
    return Launch(link_at(document, "item"))
