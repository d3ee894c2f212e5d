"""Rows of both sides, written directly into the tables that a comparison reads."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from vocabulary.ids import match_key

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_OURS = """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
SELECT %s, %s, %s, wallet_id, currency, %s, %s, 1, 1, %s, true, %s, %s
  FROM wallets WHERE player = %s AND currency = %s
"""
_THEIRS = """
INSERT INTO feed_records (provider, record_id, occurrence, round_id, match_key, handle,
                          currency, stake, payout, rolled_back, balance_before, game,
                          created_at, updated_at, received_at, source, continues)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'push', %s)
"""


@dataclass(slots=True)
class TwoBooks:
    """Rows for both books of one provider; ``write`` stores them."""

    provider: str = "agg"
    our_rows: list[tuple[object, ...]] = field(default_factory=list)
    their_rows: list[tuple[object, ...]] = field(default_factory=list)
    wallets: set[tuple[str, str]] = field(default_factory=set)

    def ours(
        self,
        round_id: str,
        stake: int,
        payout: int,
        *,
        player: str = "alice",
        currency: str = "USD",
        at: datetime = NOON,
        rollbacks: int = 0,
    ) -> None:
        """Add a round of ours."""
        self.wallets.add((player, currency))
        name = (match_key(self.provider, round_id), self.provider, round_id)
        self.our_rows.append((*name, stake, payout, rollbacks, at, at, player, currency))

    def theirs(
        self,
        round_id: str,
        stake: int,
        payout: int,
        *,
        record_id: str | None = None,
        occurrence: int = 1,
        handle: str = "alice",
        currency: str = "USD",
        at: datetime = NOON,
        rolled_back: bool = False,
        game: str | None = "plinko",
        continues: bool = False,
        reported_after: timedelta = timedelta(0),
    ) -> None:
        """Add a record of the provider."""
        name = (record_id or round_id, occurrence, round_id, match_key(self.provider, round_id))
        columns = (handle, currency, stake, payout, rolled_back, None, game)
        is_continued = continues or occurrence > 1
        instants = (at, at, at + reported_after)
        self.their_rows.append((self.provider, *name, *columns, *instants, is_continued))

    def both(self, round_id: str, stake: int, payout: int, *, at: datetime = NOON) -> None:
        """Add a round that is equal on both sides."""
        self.ours(round_id, stake, payout, at=at)
        self.theirs(round_id, stake, payout, at=at)

    def write(self, url: str) -> None:
        """Store all added rows, once."""
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            for player, currency in sorted(self.wallets):
                cursor.execute(
                    "INSERT INTO players (player) VALUES (%s) ON CONFLICT DO NOTHING", [player]
                )
                cursor.execute(
                    "INSERT INTO wallets (player, currency, balance, seq)"
                    " VALUES (%s, %s, 0, 0) ON CONFLICT DO NOTHING",
                    [player, currency],
                )
            cursor.executemany(_OURS, self.our_rows)
            cursor.executemany(_THEIRS, self.their_rows)
        self.our_rows, self.their_rows = [], []
