"""Launching the agent platform's games, for money or as a demo, under our own names."""

import uuid

from providers.agent_platform.client import (
    AgentPlatformClient,
    AgentPlatformCredentials,
    GameSession,
)
from providers.outbound.access import ApiAccess
from providers.outbound.launch import (
    Game,
    Launch,
    LaunchRequest,
    NotOffered,
    RegisteredPlayer,
    required,
)


def connect(access: ApiAccess) -> "AgentPlatformLaunch":
    """Connect to the API; no request is sent yet.

    Requests are signed with the token of the callbacks, unless the account has another one.
    """
    account = access.account
    credentials = AgentPlatformCredentials(
        agent_id=account.agent_id or 0,
        api_token=access.provider.secrets[0] if account.key is None else account.key.value,
    )
    return AgentPlatformLaunch(
        AgentPlatformClient(access.transport, credentials, clock=access.clock)
    )


class AgentPlatformLaunch:
    """One list of games for all houses; nobody has to be registered."""

    def __init__(self, client: AgentPlatformClient) -> None:
        self._client = client

    async def check(self) -> None:
        """List the games anew."""
        await self._client.games_now()

    async def games(self, game_provider: str | None) -> tuple[Game, ...]:
        """The games of one house, or of all."""
        games = await self._client.games()
        return tuple([game for game in games if game_provider in {None, game.provider}])

    async def open_game(self, request: LaunchRequest) -> Launch:
        """A link to a game, for money or as a demo."""
        game_id = required(request.game_id, "--game")
        if not (game_id.isascii() and game_id.isdigit()):
            raise NotOffered("the agent platform's games have whole numbers")
        session = GameSession(
            game_id=int(game_id),
            player_id=request.handle or request.player,
            player_username=request.player,
            language=request.language,
            currency=request.currency,
            home_url=required(request.home_url, "--home-url"),
            ip=required(request.ip, "--ip"),
        )
        if request.demo:
            return await self._client.get_game_link_demo(session)
        return await self._client.get_game_link(session, agent_session_id=str(uuid.uuid4()))

    async def register(self, _player: str) -> RegisteredPlayer:
        """Refuse: the document has no such call."""
        raise NotOffered("the agent platform takes our own names: nothing is to be registered")

    async def close(self) -> None:
        """Cancel requests that are still running."""
        await self._client.close()
