"""The bridge from GGR, as a statement counts it, to the accounts of the ledger.

A statement counts a round where it began; an account moves when an entry is posted. Money of a
round is in clearing until the round ends, in the account of a fund if one paid, in
``difference`` if a tolerance or a write-off moved it, and else in ``ggr``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, text

from storage.archive.row_cut import require_rows_since
from storage.planning import without_nested_loops
from vocabulary.window import Window

# Every entry that is about a round of the window, or posted in it. Players' accounts are left
# out: the others of a transaction sum to stake less payout. A residual is of the share of the
# player whom it names, or whose break was written off. It names none in a round of one player,
# and the break of a restated day names none of its round.
_ENTRIES = """
WITH of_window AS (
  SELECT DISTINCT match_key, wallet_id FROM rounds
   WHERE provider = :provider AND first_at >= :start AND first_at < :end
),
shares AS (
  SELECT DISTINCT s.match_key, w.currency, w.player
    FROM of_window s JOIN wallets w USING (wallet_id)
   WHERE s.match_key IN (SELECT match_key FROM residuals WHERE provider = :provider)
),
of_players AS (
  SELECT r.residual_id, r.match_key, r.currency, r.booked_at,
         coalesce(nullif(r.player, ''), nullif(b.player, '')) AS player
    FROM residuals r LEFT JOIN write_offs USING (write_off_id)
    LEFT JOIN breaks b USING (break_id)
   WHERE r.provider = :provider
),
lines AS (
  SELECT e.currency, e.account, e.amount, w.match_key IS NOT NULL AS of_round,
         e.posted_at >= :start AND e.posted_at < :end AS in_window
    FROM booked_entries e LEFT JOIN of_window w USING (match_key, wallet_id)
   WHERE e.provider = :provider AND e.account NOT IN ('player_wallet', 'player_receivable')
   UNION ALL
  SELECT e.currency, e.account, e.amount,
         s.match_key IS NOT NULL OR (r.player IS NULL AND w.match_key IS NOT NULL),
         r.booked_at >= :start AND r.booked_at < :end
    FROM residual_entries e JOIN of_players r USING (residual_id)
    LEFT JOIN shares s ON s.match_key = r.match_key AND s.currency = r.currency
                      AND s.player = r.player
    LEFT JOIN (SELECT DISTINCT match_key, currency FROM shares) w
           ON w.match_key = r.match_key AND w.currency = r.currency
   WHERE e.provider = :provider
)
SELECT currency, account::text AS account, of_round, in_window, sum(amount) AS amount
  FROM lines WHERE of_round OR in_window
 GROUP BY currency, account, of_round, in_window
"""
_ROUNDS = """
SELECT currency, sum(CAST(stake AS numeric) - payout) AS ggr FROM rounds
 WHERE provider = :provider AND first_at >= :start AND first_at < :end
 GROUP BY currency
"""
_GGR = "ggr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """GGR of one currency on its way to the ledger's account; minor units.

    Attributes:
        reported: stake less payout of the rounds that began in the window.
        accounts: what other accounts than ``ggr`` hold of it, by account.
        booked: what account ``ggr`` holds of it.
        outside: of that, posted outside the window.
        other_rounds: posted in the window, about rounds that began outside.
    """

    currency: str
    reported: int
    booked: int
    outside: int
    other_rounds: int
    accounts: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_over(self) -> int:
        """What no account holds: zero unless a round is not posted."""
        return self.reported - self.booked - sum(self.accounts.values())

    @property
    def movement(self) -> int:
        """What account ``ggr`` moved by in the window."""
        return self.booked - self.outside + self.other_rounds


def reported_ggr(connection: Connection, provider: str, window: Window) -> dict[str, int]:
    """GGR of our rounds that began in a window, by currency; minor units."""
    params = {"provider": provider, "start": window.start, "end": window.end}
    return {row.currency: int(row.ggr) for row in connection.execute(text(_ROUNDS), params)}


def bridges(
    connection: Connection, provider: str, window: Window, reported: Mapping[str, int]
) -> tuple[Bridge, ...]:
    """The bridge of every currency that either has.

    Args:
        connection: reads the entries.
        provider: its slug.
        window: of the rounds.
        reported: see ``reported_ggr``.

    Raises:
        RowsAreAway: rows of the window left for archives.
    """
    require_rows_since(connection, window.start, f"the statement of {provider}")
    params = {"provider": provider, "start": window.start, "end": window.end}
    with without_nested_loops(connection):
        rows = connection.execute(text(_ENTRIES), params).all()
    currencies = sorted({*reported, *(row.currency for row in rows)})
    return tuple(
        _bridge(code, reported.get(code, 0), [row for row in rows if row.currency == code])
        for code in currencies
    )


def _bridge(currency: str, reported: int, rows: Sequence[Row[Any]]) -> Bridge:
    sums = {(row.account, row.of_round, row.in_window): int(row.amount) for row in rows}
    accounts: dict[str, int] = {}
    for (account, of_round, _), amount in sorted(sums.items()):
        if of_round and account != _GGR:
            accounts[account] = accounts.get(account, 0) + amount
    outside = sums.get((_GGR, True, False), 0)
    return Bridge(
        currency=currency,
        reported=reported,
        booked=outside + sums.get((_GGR, True, True), 0),
        outside=outside,
        other_rounds=sums.get((_GGR, False, True), 0),
        accounts={account: amount for account, amount in accounts.items() if amount},
    )
