"""The hub's own API: every request is a POST whose body is signed with our private key."""

from collections.abc import Mapping

from providers.outbound.calls import ApiCall, ErrorReply, Transport
from providers.outbound.launch import Game, Launch
from providers.outbound.replies import (
    Document,
    compact,
    flag_at,
    label_at,
    link_at,
    name_at,
    object_at,
    read_items,
)
from providers.wire.decode import Json
from providers.wire.rsa import rsa_sha256

_PREFIX = "/operator/generic/v2"


class ContentHubClient:
    """The calls of its document.

    Every method raises ApiUnavailable, ApiRefused or ApiUnreadable.
    """

    def __init__(
        self, transport: Transport, *, key: bytes, operator_id: int, header: str
    ) -> None:
        """Args: ``key`` is a private one that can be used; ``header`` holds the signature."""
        self._transport = transport
        self._key = key
        self._operator_id = operator_id
        self._header = header

    async def games(self) -> tuple[Game, ...]:
        """Every game that can be opened."""
        call = self._call("/game/list", {}, repeatable=True)
        return await self._transport.send(call, _games)

    async def game_url(self, fields: Mapping[str, object]) -> Launch:
        """A link under which the player plays; it opens a session, so it is sent once."""
        return await self._transport.send(self._call("/game/url", fields), _launch)

    async def transactions(self, fields: Mapping[str, object]) -> tuple[Document, ...]:
        """The transactions of a round, or from ``start_time`` to ``end_time``."""
        call = self._call("/transactions/list", fields, repeatable=True)
        return await self._transport.send(call, _transactions)

    def _call(
        self, path: str, fields: Mapping[str, object], *, repeatable: bool = False
    ) -> ApiCall:
        body = compact({"operator_id": self._operator_id, **fields})
        return ApiCall(
            endpoint=f"POST {_PREFIX}{path}",
            headers={
                "Content-Type": "application/json",
                self._header: rsa_sha256(self._key, body),
            },
            body=body,
            repeatable=repeatable,
            read_error=_error,
        )


def _error(_document: Json) -> ErrorReply:
    """The document has no codes, only texts in the words of the moment."""
    return ErrorReply(None)


def _games(document: Json) -> tuple[Game, ...]:
    return read_items(document, "games", _game)


def _game(item: Json, path: str) -> Game:
    return Game(
        game_id=name_at(item, "game_code", path),
        title=label_at(item, "name", path),
        provider=label_at(item, "product", path),
        kind=label_at(item, "category", path),
        is_active=flag_at(item, "enabled", path, absent=True),
        has_demo=False,
    )


def _launch(document: Json) -> Launch:
    return Launch(link_at(document, "url"))


def _transactions(document: Json) -> tuple[Document, ...]:
    return read_items(document, "transactions", object_at)
