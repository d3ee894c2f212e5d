"""Where a replay begins once old rows left for archives: at the newest month end.

The month end has position, balance, turnover and block of each wallet. Its restrictions follow
from our own operations before, which stay. Tables read: ``month_ends month_end_wallets
operations``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from msgspec import structs
from sqlalchemy import Connection, Engine, text

from ledger.accepting.effects import restricted
from ledger.accepting.limits import UNRESTRICTED, Restrictions
from ledger.accepting.model import Wallet
from ledger.accepting.own_operations import Exclude, Limit, own_operation_from_bytes
from ledger.proofs.wallet_ranges import WalletRange
from ledger.replay.report import ReplayWindow
from storage.archive.row_cut import RowsAreAway, rows_begin_at
from storage.transactions import reading
from vocabulary.clock import iso

_MONTH_END = "SELECT max(at) FROM month_ends"
_WALLETS = """
SELECT wallet_id, wallet_seq, balance, turnover, blocked FROM month_end_wallets
 WHERE wallet_id BETWEEN :first AND :last ORDER BY wallet_id
"""
_RESTRICTIONS = """
SELECT o.wallet_id, o.body
  FROM month_end_wallets p JOIN operations o
    ON o.wallet_id = p.wallet_id AND o.wallet_seq <= p.wallet_seq
 WHERE p.wallet_id BETWEEN :first AND :last
   AND o.kind IN ('exclude', 'limit') AND o.decision = 'accepted'
 ORDER BY o.wallet_id, o.wallet_seq
"""


def provable_window(engine: Engine, window: ReplayWindow) -> ReplayWindow:
    """The part of a window that rows prove: from the month end on, once older ones left.

    Raises:
        RowsAreAway: the window begins, or ends, before it.
        Unavailable: the database is out of reach.
    """
    with reading(engine, "replay") as connection:
        return window_from_month_end(connection, window)


def window_from_month_end(connection: Connection, window: ReplayWindow) -> ReplayWindow:
    """As ``provable_window``, on an open connection."""
    if rows_begin_at(connection) is None:
        return window
    month_end: datetime = connection.execute(text(_MONTH_END)).scalar_one()
    for instant in (window.since, window.until):
        if instant is not None and instant < month_end:
            raise RowsAreAway(
                f"a replay from {iso(instant)}: rows of earlier months left for archives, so"
                f" chains of wallets begin at the month end of {iso(month_end)}. Begin there or"
                " later; `tieout archive check` proves the archives against the seals"
            )
    return replace(window, since=window.since or month_end, month_end=month_end)


def wallets_at_month_end(
    connection: Connection, wallet_range: WalletRange, stored: Mapping[int, Wallet]
) -> dict[int, Wallet]:
    """The wallets of a range as they were at the newest month end.

    Args:
        connection: of the books.
        wallet_range: which wallets.
        stored: these wallets as they are now, for their names and currencies.
    """
    params = wallet_range._asdict()
    restrictions = _restrictions(connection.execute(text(_RESTRICTIONS), params))
    return {
        row.wallet_id: structs.replace(
            stored[row.wallet_id],
            balance=row.balance,
            seq=row.wallet_seq,
            turnover=row.turnover,
            blocked=row.blocked,
            day=0,
            day_stake=0,
            day_payout=0,
            restrictions=restrictions.get(row.wallet_id),
        )
        for row in connection.execute(text(_WALLETS), params)
        if row.wallet_id in stored
    }


def _restrictions(rows: Iterable[Any]) -> dict[int, Restrictions | None]:
    restrictions: dict[int, Restrictions | None] = {}
    for row in rows:
        order = own_operation_from_bytes(bytes(row.body))
        if isinstance(order, Exclude | Limit):
            after = restricted(restrictions.get(row.wallet_id) or UNRESTRICTED, order)
            restrictions[row.wallet_id] = None if after == UNRESTRICTED else after
    return restrictions
