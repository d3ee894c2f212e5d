"""The sportsbook's own API: a token that lasts for a while, and sessions opened with it.

The token is shared by all calls, renewed a little before it expires, and fetched once however
many calls want it. A token refused before its time is renewed once per call, never in a loop.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from providers.outbound import ApiCall, Outbound
from providers.outbound_json import compact, count_at, link_at, secret_at
from providers.outbound_results import Launch
from providers.outbound_token import CachedValue, ExpiringValue
from providers.wire import Json
from vocabulary.clock import Clock
from vocabulary.errors import ApiRefused, Malformed

#: A token is renewed this long before it expires, or a tenth of its life where that is less.
EARLY_MAX = timedelta(minutes=1)
#: Longest life believed, in seconds; beyond a year the figure is no number of seconds.
LIFE_S_MAX = 366 * 86_400

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a token is given for.

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

    def __init__(self, out: Outbound, credentials: Credentials, *, clock: Clock) -> None:
        self._out = out
        self._credentials = credentials
        self._clock = clock
        self._token = CachedValue(self._authenticate, clock=clock)

    async def close(self) -> None:
        """End what is still under way."""
        await self._token.close()

    async def auth(self) -> None:
        """Have a token, the one at hand as long as it lasts."""
        await self._token.get()

    async def start_session(
        self, *, user_id: str, currency: str, lang: str | None = None
    ) -> Launch:
        """A link for the frame in which the player bets.

        A 401 was answered before anything was done, so this one repetition is safe.
        """
        due = self._out.due()
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
        return await self._out.ask(call, lambda reply: Launch(link_at(reply, "url")), due=due)

    async def _authenticate(self) -> ExpiringValue[str]:
        given = self._credentials
        call = ApiCall(
            endpoint="POST /auth",
            path=self._path("/auth"),
            headers=_JSON,
            body=compact({"username": given.username, "password": given.password}),
            repeatable=True,
        )
        asked_at = self._clock.now()
        token, life = await self._out.ask(call, _token)
        return ExpiringValue(token, asked_at + life - min(EARLY_MAX, life / 10))

    def _path(self, path: str) -> str:
        return f"/{self._credentials.version.strip('/')}{path}"


def _token(document: Json) -> tuple[str, timedelta]:
    seconds = count_at(document, "expires_in")
    if seconds > LIFE_S_MAX:
        raise Malformed("expires_in", "a number of seconds is expected")
    return secret_at(document, "token"), timedelta(seconds=seconds)
