"""Launching the aggregator's games: every player is registered there first."""

from providers.aggregator.client import LOBBY, AggregatorClient, AggregatorCredentials
from providers.outbound.access import ApiAccess, secret_text
from providers.outbound.launch import (
    Game,
    Launch,
    LaunchRequest,
    NotOffered,
    RegisteredPlayer,
    required,
)


def client_of(access: ApiAccess) -> AggregatorClient:
    """The client of a configured account."""
    account = access.account
    credentials = AggregatorCredentials(
        api_key=secret_text(account.key),
        prefix=account.prefix,
        form_bodies=account.form_bodies,
    )
    return AggregatorClient(access.transport, credentials)


def connect(access: ApiAccess) -> "AggregatorLaunch":
    """Connect to the API; no request is sent yet."""
    return AggregatorLaunch(client_of(access))


class AggregatorLaunch:
    """Games by house, opened for a registered player."""

    def __init__(self, client: AggregatorClient) -> None:
        self._client = client

    async def check(self) -> None:
        """List the houses."""
        await self._client.game_providers()

    async def games(self, game_provider: str | None) -> tuple[Game, ...]:
        """The games of one house, or of all, house by house."""
        if game_provider is not None:
            return await self._client.games(game_provider)
        houses = [house.name for house in await self._client.game_providers()]
        return tuple([game for name in houses for game in await self._client.games(name)])

    async def open_game(self, request: LaunchRequest) -> Launch:
        """A link to a game, or to the lobby of its house."""
        if request.demo:
            raise NotOffered("the aggregator has no demo games")
        if request.handle is None:
            raise NotOffered(f"{request.player} has no handle there yet: register the player")
        return await self._client.open_game(
            handle=request.handle,
            game_provider=required(request.game_provider, "--game-provider"),
            game_id=request.game_id or LOBBY,
            redirect_url=request.home_url,
            mobile=request.mobile or None,
            ip=request.ip,
        )

    async def register(self, player: str) -> RegisteredPlayer:
        """Create the player under our name; the handle has the account's prefix."""
        return await self._client.create_user(player)

    async def close(self) -> None:
        """Do nothing: no request outlives its call."""
