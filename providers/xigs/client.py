"""The scratch-card platform's own API: one login for two hours, then everything else.

A login returns two tokens. One authorises every request; the other signs the writes:
HMAC-SHA512 over the body with its keys sorted at every depth, and the bytes signed are the
bytes sent. All calls share the tokens; when they expire, one login renews them even if many
calls wait. A token refused before its expiry is renewed too, but not within a minute of its
login: a platform that refuses everything must not cause a login for every request.

Writes are sent once. A list is read page by page to its announced end; less is an error.
"""

import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeVar
from urllib.parse import quote

from providers.outbound.cached_value import CachedValue, ExpiringValue
from providers.outbound.calls import ApiCall, Transport
from providers.outbound.replies import (
    compact,
    link_at,
    member,
    name_at,
    secret_at,
)
from providers.wire.decode import Json, Number
from providers.wire.fields import instant
from providers.wire.javascript import number_text
from providers.xigs.pages import (
    PAGE_FIRST,
    PAGE_ITEMS,
    PAGES_MAX,
    Item,
    Page,
    data_of,
    digest_of,
)
from providers.xigs.verify import sorted_text
from vocabulary.clock import Clock
from vocabulary.currencies import ISO_ONLY, Exponents
from vocabulary.errors import ApiRefused, Malformed
from vocabulary.money import Money

#: Age before which a refused token is not renewed.
RENEWABLE_AFTER = timedelta(minutes=1)

WRITTEN = frozenset({200, 201})
_JSON = {"Content-Type": "application/json"}

CredentialType = Literal["email", "uuid", "username"]
LogStatus = Literal["success", "failed", "pending"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The result of a login; neither token shows in a repr."""

    access: str = field(repr=False)
    signature: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A player as the platform knows them.

    Attributes:
        token: opens sessions for this player; a secret.
        user_id: what callbacks name the player by.
    """

    token: str = field(repr=False)
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An opened game.

    Attributes:
        url: lets whoever holds it play.
        expires_at: rounds left open past it are lost ones.
    """

    session_id: str
    url: str = field(repr=False)
    expires_at: datetime


class XigsClient:
    """The calls of the platform's document that play and history need.

    Every method raises ApiUnavailable, ApiRefused or ApiUnreadable.
    """

    def __init__(self, transport: Transport, *, api_key: str, clock: Clock) -> None:
        self._transport = transport
        self._api_key = api_key
        self._tokens = CachedValue(self._login, clock=clock, renewable_after=RENEWABLE_AFTER)

    async def close(self) -> None:
        """Cancel requests that are still running."""
        await self._tokens.close()

    async def login(self) -> None:
        """Get tokens, or keep the current ones as long as they last."""
        await self._tokens.get()

    async def authenticate_user(
        self, *, profile_id: str, credential: str, credential_type: CredentialType
    ) -> User:
        """Find a player by a credential, or create one."""
        fields: dict[str, Json] = {
            "profileId": profile_id,
            "credential": credential,
            "credentialType": credential_type,
        }
        return await self._write("POST /v1/user/auth", fields, _user)

    async def create_session(
        self,
        *,
        user_token: str,
        game_id: str,
        balance: Money | None = None,
        exponents: Exponents = ISO_ONLY,
    ) -> Session:
        """Open a game; ``balance``, in the digits of ``exponents``, overrides the one there."""
        fields: dict[str, Json] = {"userToken": user_token, "gameId": game_id}
        if balance is not None:
            fields["balance"] = _as_javascript_prints(balance, exponents)
        return await self._write("POST /v1/game/session", fields, _session)

    def sessions(
        self, *, game_id: str | None = None, user_id: str | None = None, rounds: bool = False
    ) -> AsyncIterator[Item]:
        """Sessions, with their rounds and transactions if ``rounds``."""
        filters = filters_of(None, None, gameId=game_id, userId=user_id)
        if rounds:
            filters["showRoundsAndTransactions"] = "true"
        return self._pages("GET /v1/game/session", "sessionId", filters)

    def transactions(
        self, *, since: date | None = None, until: date | None = None
    ) -> AsyncIterator[Item]:
        """Transactions of those days."""
        return self._pages("GET /v1/transaction", "transactionId", filters_of(since, until))

    def webhooks(self) -> AsyncIterator[Item]:
        """Every webhook of ours, with its secret."""
        return self._pages("GET /v1/webhook", "id", {})

    def webhook_log(
        self,
        webhook_id: str,
        *,
        since: date | None = None,
        until: date | None = None,
        status: LogStatus | None = None,
    ) -> AsyncIterator[Item]:
        """What a webhook sent us and what we answered, as the platform logged it."""
        return self._pages(
            "GET /v1/webhook/{webhookId}",
            "id",
            filters_of(since, until, status=status),
            path=f"/v1/webhook/{quote(webhook_id, safe='')}",
        )

    async def _write(
        self,
        endpoint: str,
        fields: Mapping[str, Json],
        read: Callable[[Json], T],
        *,
        path: str | None = None,
    ) -> T:
        body = sorted_text({name: value for name, value in fields.items() if value is not None})

        def call(tokens: Tokens) -> ApiCall:
            key = tokens.signature.encode()
            signature = hmac.digest(key, body, "sha512").hex()
            signed = {**_JSON, **_bearer(tokens), "x-signed-request": signature}
            return ApiCall(
                endpoint=endpoint, path=path, headers=signed, body=body, good=WRITTEN
            )

        return await self._authorised(call, lambda document: read(data_of(document)))

    async def _pages(
        self,
        endpoint: str,
        id_field: str,
        filters: Mapping[str, str],
        *,
        path: str | None = None,
    ) -> AsyncIterator[Item]:
        """Every item of a list, page by page; fewer than announced is an error."""
        count = total = 0
        before: set[bytes] = set()
        for number in range(PAGE_FIRST, PAGE_FIRST + PAGES_MAX):
            is_last = number == PAGE_FIRST + PAGES_MAX - 1
            page = Page(number, id_field, count, is_last, before, total)
            query = {**filters, "pageIndex": str(number), "pageSize": str(PAGE_ITEMS)}

            def call(tokens: Tokens, query: Mapping[str, str] = query) -> ApiCall:
                return ApiCall(
                    endpoint=endpoint,
                    path=path,
                    query=query,
                    headers=_bearer(tokens),
                    repeatable=True,
                )

            items, total = await self._authorised(call, page.read)
            before.add(digest_of(items))
            for item in items:
                yield item
            count += len(items)
            if count == total:
                return

    async def _authorised(
        self, call: Callable[[Tokens], ApiCall], read: Callable[[Json], T]
    ) -> T:
        """Send a call with the current tokens; once more with new ones if those are refused.

        A 401 means that nothing was done, so a write may be sent again too.
        """
        due = self._transport.due()
        tokens = await self._tokens.get()
        try:
            return await self._transport.send(call(tokens), read, due=due)
        except ApiRefused as error:
            if error.status != 401 or not self._tokens.forget(tokens):
                raise
        return await self._transport.send(call(await self._tokens.get()), read, due=due)

    async def _login(self) -> ExpiringValue[Tokens]:
        call = ApiCall(
            endpoint="POST /v1/auth/login",
            headers=_JSON,
            body=compact({"apiKey": self._api_key}),
            repeatable=True,
        )
        return await self._transport.send(call, _tokens)


def _bearer(tokens: Tokens) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.access}"}


def filters_of(since: date | None, until: date | None, **others: str | None) -> dict[str, str]:
    """The query of a list: its days, and other filters; None filters nothing."""
    days = {"dateStart": since, "dateEnd": until}
    bounds = {name: day.isoformat() for name, day in days.items() if day is not None}
    return bounds | {name: value for name, value in others.items() if value is not None}


def _as_javascript_prints(amount: Money, exponents: Exponents) -> Number:
    """The amount as JavaScript prints it, so that the platform reads the body we signed.

    Raises:
        Malformed: the platform's numbers cannot hold it.
    """
    text = amount.text(exponents=exponents)
    printed = number_text(text)
    if Decimal(printed) != Decimal(text):
        raise Malformed("balance", "an amount that a double holds is expected")
    return Number(printed)


def _tokens(document: Json) -> ExpiringValue[Tokens]:
    data = data_of(document)
    tokens = Tokens(
        secret_at(data, "accessToken", "data"), secret_at(data, "signatureToken", "data")
    )
    until = instant(member(data, "expireAt", "data"), "data.expireAt")
    return ExpiringValue(tokens, until)


def _user(data: Json) -> User:
    return User(
        token=secret_at(data, "userToken", "data"), user_id=name_at(data, "userId", "data")
    )


def _session(data: Json) -> Session:
    return Session(
        session_id=name_at(data, "sessionId", "data"),
        url=link_at(data, "gameUrl", "data"),
        expires_at=instant(member(data, "expiresAt", "data"), "data.expiresAt"),
    )
