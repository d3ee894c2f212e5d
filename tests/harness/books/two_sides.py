"""Rows of both sides, many at once, put straight into the tables they are read from."""

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
    """What is to stand in either book of one provider; ``write`` puts it there."""

    provider: str = "agg"
    mine: list[tuple[object, ...]] = field(default_factory=list)
    yours: list[tuple[object, ...]] = field(default_factory=list)
    who: set[tuple[str, str]] = field(default_factory=set)

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
        """A round of ours."""
        self.who.add((player, currency))
        name = (match_key(self.provider, round_id), self.provider, round_id)
        self.mine.append((*name, stake, payout, rollbacks, at, at, player, currency))

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
        told_after: timedelta = timedelta(0),
    ) -> None:
        """A record of the provider's."""
        name = (record_id or round_id, occurrence, round_id, match_key(self.provider, round_id))
        told = (handle, currency, stake, payout, rolled_back, None, game)
        more = continues or occurrence > 1
        instants = (at, at, at + told_after)
        self.yours.append((self.provider, *name, *told, *instants, more))

    def both(self, round_id: str, stake: int, payout: int, *, at: datetime = NOON) -> None:
        """A round that both sides tell alike."""
        self.ours(round_id, stake, payout, at=at)
        self.theirs(round_id, stake, payout, at=at)

    def write(self, url: str) -> None:
        """Put all of it into the database, once."""
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            for player, currency in sorted(self.who):
                cursor.execute(
                    "INSERT INTO players (player) VALUES (%s) ON CONFLICT DO NOTHING", [player]
                )
                cursor.execute(
                    "INSERT INTO wallets (player, currency, balance, seq)"
                    " VALUES (%s, %s, 0, 0) ON CONFLICT DO NOTHING",
                    [player, currency],
                )
            cursor.executemany(_OURS, self.mine)
            cursor.executemany(_THEIRS, self.yours)
        self.mine, self.yours = [], []
