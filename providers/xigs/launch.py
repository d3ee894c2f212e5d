"""Launching scratch cards. Callbacks name the platform's user id: register players first."""

from providers.outbound.access import ApiAccess, secret_text
from providers.outbound.launch import (
    Game,
    Launch,
    LaunchRequest,
    NotOffered,
    RegisteredPlayer,
    required,
)
from providers.xigs.client import User, XigsClient
from vocabulary.errors import Contradiction


def client_of(access: ApiAccess) -> XigsClient:
    """The client of a configured account."""
    key = secret_text(access.account.key)
    return XigsClient(access.transport, api_key=key, clock=access.clock)


def connect(access: ApiAccess) -> "XigsLaunch":
    """Connect to the API; no request is sent yet."""
    return XigsLaunch(client_of(access), profile=access.account.profile)


class XigsLaunch:
    """Sessions of registered players; the platform documents no list of games."""

    def __init__(self, client: XigsClient, *, profile: str | None) -> None:
        self._client = client
        self._profile = profile

    async def check(self) -> None:
        """Log in."""
        await self._client.login()

    async def games(self, _game_provider: str | None) -> tuple[Game, ...]:
        """Refuse: the document has no such call."""
        raise NotOffered("the scratch-card platform documents no list of games")

    async def open_game(self, request: LaunchRequest) -> Launch:
        """A link to a card, if the platform still knows the player by the handle we stored."""
        if request.demo:
            raise NotOffered("the scratch-card platform has demo profiles, not demo games")
        game_id = required(request.game_id, "--game")
        if request.handle is None:
            raise NotOffered(f"{request.player} has no handle there yet: register the player")
        user = await self._user(request.player)
        if user.user_id != request.handle:
            raise Contradiction(
                f"{request.player} is stored as {request.handle}, and they say {user.user_id}"
            )
        session = await self._client.create_session(user_token=user.token, game_id=game_id)
        return Launch(session.url)

    async def register(self, player: str) -> RegisteredPlayer:
        """Find the player by our name, or create the user."""
        return RegisteredPlayer((await self._user(player)).user_id)

    async def close(self) -> None:
        """Cancel requests that are still running."""
        await self._client.close()

    async def _user(self, player: str) -> User:
        profile = required(self._profile, "the setting profile of its API")
        return await self._client.authenticate_user(
            profile_id=profile, credential=player, credential_type="username"
        )
