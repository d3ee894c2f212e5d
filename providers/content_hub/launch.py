"""Launching the hub's games, under our own names of players."""

from providers.content_hub.client import ContentHubClient
from providers.options import text_of
from providers.outbound.access import ApiAccess
from providers.outbound.launch import (
    Game,
    Launch,
    LaunchRequest,
    NotOffered,
    RegisteredPlayer,
    required,
)
from providers.wire.rsa import private_key_problem
from vocabulary.errors import SettingsInvalid


def client_of(access: ApiAccess) -> ContentHubClient:
    """The client of a configured account.

    Raises:
        SettingsInvalid: the key cannot sign.
    """
    key, operator_id = access.account.key, access.account.agent_id
    assert key is not None  # the settings require both
    assert operator_id is not None
    if problem := private_key_problem(key.value):
        raise SettingsInvalid([f"{key.reference}: expected {problem}"])
    return ContentHubClient(
        access.transport,
        key=key.value,
        operator_id=operator_id,
        header=text_of(access.provider, "signature_header"),
    )


def connect(access: ApiAccess) -> "ContentHubLaunch":
    """Connect to the API; no request is sent yet."""
    return ContentHubLaunch(client_of(access), text_of(access.provider, "country"))


class ContentHubLaunch:
    """One list of games; nobody has to be registered."""

    def __init__(self, client: ContentHubClient, country: str) -> None:
        self._client = client
        self._country = country

    async def check(self) -> None:
        """List the games."""
        await self._client.games()

    async def games(self, game_provider: str | None) -> tuple[Game, ...]:
        """The games of one house, or of all."""
        games = await self._client.games()
        return tuple([game for game in games if game_provider in {None, game.provider}])

    async def open_game(self, request: LaunchRequest) -> Launch:
        """A link to a game."""
        if request.demo:
            raise NotOffered("demo games of the hub are not opened from here")
        return await self._client.game_url(
            {
                "user": request.handle or request.player,
                "game_code": required(request.game_id, "--game"),
                "platform": "GPL_MOBILE" if request.mobile else "GPL_DESKTOP",
                "currency": request.currency,
                "country": self._country,
                "lang": request.language,
                "lobby_url": request.home_url,
                "ip": request.ip,
            }
        )

    async def register(self, _player: str) -> RegisteredPlayer:
        """Refuse: the document has no such call."""
        raise NotOffered("the hub takes our own names: nothing is to be registered")

    async def close(self) -> None:
        """Do nothing: no request outlives its call."""
