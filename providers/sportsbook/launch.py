"""Launching the sportsbook: one frame for everything, under our own names of players."""

from providers.outbound.access import ApiAccess, secret_text
from providers.outbound.launch import Game, Launch, LaunchRequest, NotOffered, RegisteredPlayer
from providers.sportsbook.client import SportsbookClient, SportsbookCredentials


def connect(access: ApiAccess) -> "SportsbookLaunch":
    """Connect to the API; no request is sent yet."""
    account = access.account
    credentials = SportsbookCredentials(
        version=account.version or "",
        username=secret_text(account.username),
        password=secret_text(account.password),
    )
    return SportsbookLaunch(SportsbookClient(access.transport, credentials, clock=access.clock))


class SportsbookLaunch:
    """Sessions for players; there is nothing to list and nobody to register."""

    def __init__(self, client: SportsbookClient) -> None:
        self._client = client

    async def check(self) -> None:
        """Get a token."""
        await self._client.auth()

    async def games(self, _game_provider: str | None) -> tuple[Game, ...]:
        """Refuse: the document has no such call."""
        raise NotOffered("the sportsbook has no games to list: open it without one")

    async def open_game(self, request: LaunchRequest) -> Launch:
        """A link to the sportsbook."""
        if request.demo or request.game_id is not None:
            raise NotOffered("the sportsbook has no games and no demo: open it without either")
        return await self._client.start_session(
            user_id=request.handle or request.player,
            currency=request.currency,
            lang=request.language,
        )

    async def register(self, _player: str) -> RegisteredPlayer:
        """Refuse: the document has no such call."""
        raise NotOffered("the sportsbook takes our own names: nothing is to be registered")

    async def close(self) -> None:
        """Cancel requests that are still running."""
        await self._client.close()
