"""What a provider calls our players: looked up, and kept once registration told it.

Tables touched: reads ``players``, reads and writes ``handles``.
"""

from sqlalchemy import Connection, text

from vocabulary.errors import Contradiction

_LOCK = text("SELECT player FROM players WHERE player = :player FOR NO KEY UPDATE")
_HANDLES = text(
    "SELECT handle FROM handles WHERE provider = :provider AND player = :player ORDER BY handle"
)
_KEEP = text(
    "INSERT INTO handles (provider, handle, player) VALUES (:provider, :handle, :player)"
    " ON CONFLICT DO NOTHING RETURNING handle"
)


def lock_player(connection: Connection, player: str) -> bool:
    """Keep others from registering the player until the transaction ends; false: unknown."""
    return connection.execute(_LOCK, {"player": player}).one_or_none() is not None


def handle_of(connection: Connection, provider: str, player: str) -> str | None:
    """The provider's name for the player, or None.

    Raises:
        Contradiction: there are several.
    """
    rows = connection.execute(_HANDLES, {"provider": provider, "player": player})
    handles = list(rows.scalars())
    if len(handles) > 1:
        raise Contradiction(f"{player} has {len(handles)} handles at {provider}")
    return handles[0] if handles else None


def store_handle(connection: Connection, provider: str, player: str, handle: str) -> None:
    """Remember the provider's name for the player; nothing is ever overwritten.

    Raises:
        Contradiction: the player is stored under another name, or another player under this.
    """
    stored = handle_of(connection, provider, player)
    if stored == handle:
        return
    if stored is not None:
        raise Contradiction(
            f"{player} is stored at {provider} as {stored}, and they say {handle};"
            " nothing was changed"
        )
    values = {"provider": provider, "handle": handle, "player": player}
    if connection.execute(_KEEP, values).one_or_none() is None:
        raise Contradiction(
            f"{handle} at {provider} is another player already; nothing was changed"
        )
