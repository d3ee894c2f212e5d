"""The sportsbook's own API: a token that lasts for a while, and sessions opened with it.

All calls share the token. It is renewed a little before it expires, by one request even if many
calls wait for it. A token refused before its expiry is renewed once per call, never in a loop.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from providers.outbound.cached_value import CachedValue, ExpiringValue
from providers.outbound.calls import ApiCall, Transport
from providers.outbound.launch import Launch
from providers.outbound.replies import compact, count_at, link_at, secret_at
from providers.wire.decode import Json
from vocabulary.clock import Clock
from vocabulary.errors import ApiRefused, Malformed

#: A token is renewed this long before it expires, or a tenth of its life where that is less.
EARLY_MAX = timedelta(minutes=1)
#: Longest plausible life of a token, in seconds: one year.
LIFE_S_MAX = 366 * 86_400

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SportsbookCredentials:
    """What a token is requested with.

    Attributes:
        version: the API version, which begins every path.
    """

    version: str
    username: str = field(repr=False)
    password: str = field(repr=False)


class SportsbookClient:
    """The two calls of the sportsbook's document.

    Every method raises ApiUnavailable, ApiRefused or ApiUnreadable.
    """

    def __init__(
        self, transport: Transport, credentials: SportsbookCredentials, *, clock: Clock
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._clock = clock
        self._token = CachedValue(self._authenticate, clock=clock)

    async def close(self) -> None:
        """Cancel requests that are still running."""
        await self._token.close()

    async def auth(self) -> None:
        """Get a token, or keep the current one as long as it lasts."""
        await self._token.get()

    async def start_session(
        self, *, user_id: str, currency: str, lang: str | None = None
    ) -> Launch:
        """A link for the frame in which the player bets.

        A 401 means that nothing was done, so one repetition is safe.
        """
        due = self._transport.due()
        document = {"user_id": user_id, "currency": currency, "lang": lang}
        token = await self._token.get()
        try:
            return await self._start(document, token, due)
        except ApiRefused as error:
            if error.status != 401:
                raise
        self._token.forget(token)
        return await self._start(document, await self._token.get(), due)

    async def _start(self, document: dict[str, str | None], token: str, due: float) -> Launch:
        call = ApiCall(
            endpoint="POST /start-session",
            path=self._path("/start-session"),
            headers={**_JSON, "Authorization": f"Bearer {token}"},
            body=compact(document),
        )
        return await self._transport.send(
            call, lambda reply: Launch(link_at(reply, "url")), due=due
        )

    async def _authenticate(self) -> ExpiringValue[str]:
        credentials = self._credentials
        call = ApiCall(
            endpoint="POST /auth",
            path=self._path("/auth"),
            headers=_JSON,
            body=compact({"username": credentials.username, "password": credentials.password}),
            repeatable=True,
        )
        requested_at = self._clock.now()
        token, life = await self._transport.send(call, _token)
        return ExpiringValue(token, requested_at + life - min(EARLY_MAX, life / 10))

    def _path(self, path: str) -> str:
        return f"/{self._credentials.version.strip('/')}{path}"


def _launch(document: Json) -> Launch:
    return Launch(link_at(document, "url"))


def _token(document: Json) -> tuple[str, timedelta]:
    seconds = count_at(document, "expires_in")
    if seconds > LIFE_S_MAX:
        raise Malformed("expires_in", "a number of seconds is expected")
    return secret_at(document, "token"), timedelta(seconds=seconds)
