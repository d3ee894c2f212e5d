"""Look up players by our name, and by what a provider calls them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from reports.find.hits import Hit, SearchScope
from reports.find.lookup import at, fetch, slugs
from reports.find.query import Candidate, FoundKind
from vocabulary.currencies import Exponents, joined_exponents
from vocabulary.money import Money
from vocabulary.plurals import counted

_PLAYER = """
SELECT p.player, p.created_at,
       ARRAY(SELECT h.provider || ' ' || h.handle FROM handles h WHERE h.player = p.player
              ORDER BY 1 LIMIT 10) AS handles
  FROM players p WHERE p.player = :text
"""
_WALLETS = """
SELECT wallet_id, currency, balance, seq, blocked FROM wallets WHERE player = :text
 ORDER BY currency
"""
_HANDLE = """
SELECT provider, handle, player FROM handles
 WHERE provider = ANY(CAST(:slugs AS text[])) AND handle = :text
 ORDER BY provider LIMIT :limit
"""


def players(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """A player by our name."""
    rows = fetch(connection, _PLAYER, {"text": candidate.text})
    return [_player(connection, row, scope) for row in rows]


def _player(connection: Connection, row: Mapping[str, Any], scope: SearchScope) -> Hit:
    exponents = joined_exponents(scope.exponents.values())
    player = row["player"]
    wallets = fetch(connection, _WALLETS, {"text": player})
    return Hit(
        kind=FoundKind.PLAYER,
        id=player,
        provider=None,
        summary=f"player {player}, {counted(len(wallets), 'wallet')}",
        facts={
            "since": at(row["created_at"]) or "",
            **{
                f"wallet {wallet['currency']}": _wallet(wallet, exponents) for wallet in wallets
            },
            "handles": ", ".join(row["handles"]) or "none",
        },
        next=(
            f"tieout players show --player {player}",
            *(
                f"tieout ledger statement --player {player} --currency {wallet['currency']}"
                for wallet in wallets
            ),
            f"tieout breaks list --player {player}",
        ),
    )


def _wallet(wallet: Mapping[str, Any], exponents: Exponents) -> str:
    blocked = ", blocked" if wallet["blocked"] else ""
    balance = Money(wallet["balance"], wallet["currency"]).text(exponents=exponents)
    return f"{balance}, {counted(wallet['seq'], 'operation')}{blocked}"


def handles(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """What providers call a player."""
    parameters = {"slugs": slugs(scope), "text": candidate.text, "limit": scope.limit}
    return [
        Hit(
            kind=FoundKind.HANDLE,
            id=row["handle"],
            provider=row["provider"],
            summary=f"what {row['provider']} calls player {row['player']}",
            facts={"player": row["player"]},
            next=(f"tieout find player {row['player']}",),
        )
        for row in fetch(connection, _HANDLE, parameters)
    ]
