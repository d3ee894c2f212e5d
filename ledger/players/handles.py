"""The handles of our players at each provider: look them up, and store a new one.

A player without a handle at a provider plays under their own name there. A name that is played
under does not become another player's handle: late wins would be the other's.

Tables touched: reads ``players wallets operations``, reads and writes ``handles``.
"""

from sqlalchemy import Connection, text

from vocabulary.errors import Contradiction
from vocabulary.plurals import counted

_LOCK = text("SELECT player FROM players WHERE player = :player FOR NO KEY UPDATE")
_HANDLES = text(
    "SELECT handle FROM handles WHERE provider = :provider AND player = :player ORDER BY handle"
)
#: Whether another player plays under this handle although none is stored: as their own name.
PLAYED_UNDER = """
{handle} <> {player}
AND NOT EXISTS (SELECT FROM handles h WHERE h.provider = {provider} AND h.player = {handle})
AND EXISTS (SELECT FROM wallets w JOIN operations o USING (wallet_id)
             WHERE w.player = {handle} AND o.provider = {provider} OFFSET 0)
"""  # OFFSET keeps it a look-up: it must not become a join with all operations
_COLUMNS = {name: f"q.{name}" for name in ("provider", "handle", "player")}
_STORE = text(f"""
INSERT INTO handles (provider, handle, player)
SELECT q.* FROM (VALUES (CAST(:provider AS text), CAST(:handle AS text), CAST(:player AS text)))
                AS q (provider, handle, player)
 WHERE NOT ({PLAYED_UNDER.format(**_COLUMNS)})
ON CONFLICT DO NOTHING RETURNING handle
""")  # noqa: S608 - constants of this module


def lock_player(connection: Connection, player: str) -> bool:
    """Lock the player until the transaction ends, against a second registration.

    Returns false if the player is unknown.
    """
    return connection.execute(_LOCK, {"player": player}).one_or_none() is not None


def handle_of(connection: Connection, provider: str, player: str) -> str | None:
    """The player's handle at the provider, or None.

    Raises:
        Contradiction: the player has several.
    """
    rows = connection.execute(_HANDLES, {"provider": provider, "player": player})
    handles = list(rows.scalars())
    if len(handles) > 1:
        raise Contradiction(f"{player} has {counted(len(handles), 'handle')} at {provider}")
    return handles[0] if handles else None


def store_handle(connection: Connection, provider: str, player: str, handle: str) -> None:
    """Store the player's handle at the provider; an existing one is never overwritten.

    Raises:
        Contradiction: the player has another handle, or another player has this one.
    """
    stored = handle_of(connection, provider, player)
    if stored == handle:
        return
    if stored is not None:
        raise Contradiction(
            f"the handle of {player} at {provider} is stored as {stored}, not {handle};"
            " nothing was changed"
        )
    values = {"provider": provider, "handle": handle, "player": player}
    if connection.execute(_STORE, values).one_or_none() is None:
        raise Contradiction(
            f"the handle {handle} at {provider} belongs to another player; nothing was changed"
        )
