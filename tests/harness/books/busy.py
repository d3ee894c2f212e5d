"""Books that change at random: posted rounds and stored records, written as the real code does.

Rounds come in batches with operations, records through ``feeds.records``. The report of a round
may be wrong, late, repeated, rolled back or about another day.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy import Engine

from feeds.records import store_records, store_statement
from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
CODES = ("USD", "EUR")
WRONG = ("", "", "", "stake", "payout", "no payout", "player", "code", "undone")

_WALLET = """
INSERT INTO wallets (player, currency, balance, seq) VALUES (%s, %s, 0, 0)
"""
BATCH = """
INSERT INTO batches (operations, posted_at) VALUES (1, clock_timestamp()) RETURNING batch_id
"""
OPERATION = """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
                        currency, stake, payout, amount, balance_after, round_id, match_key,
                        ends_round, fingerprint, route, headers, body, reply_status, reply,
                        received_at)
SELECT wallet_id, %(number)s, %(batch)s, %(slug)s, %(key)s, %(kind)s, 'accepted',
       %(currency)s, %(stake)s, %(payout)s, %(payout)s - %(stake)s, 1000000, %(round)s,
       %(match_key)s, %(ends)s, '', '', '', '', 200, '', %(at)s
  FROM wallets WHERE player = %(player)s AND currency = %(currency)s
"""
ROUND = """
INSERT INTO rounds AS r (match_key, provider, round_id, wallet_id, currency, stake, payout,
                         bets, wins, rollbacks, ended, first_at, last_at)
SELECT %(match_key)s, %(slug)s, %(round)s, wallet_id, %(currency)s, %(stake)s, %(payout)s,
       (%(kind)s <> 'win')::int, (%(kind)s <> 'bet')::int, 0, %(ends)s, %(at)s, %(at)s
  FROM wallets WHERE player = %(player)s AND currency = %(currency)s
ON CONFLICT (match_key, provider, round_id, wallet_id) DO UPDATE SET
    stake = r.stake + EXCLUDED.stake, payout = r.payout + EXCLUDED.payout,
    bets = r.bets + EXCLUDED.bets, wins = r.wins + EXCLUDED.wins,
    ended = r.ended OR EXCLUDED.ended, first_at = least(r.first_at, EXCLUDED.first_at),
    last_at = greatest(r.last_at, EXCLUDED.last_at)
"""


@dataclass(frozen=True, slots=True)
class Played:
    """A round as it really was."""

    round_id: str
    player: str
    currency: str
    at: datetime


class BusyBooks:
    """Changes both books, the same way for the same seed; has its own provider and players."""

    def __init__(self, url: str, engine: Engine, seed: int) -> None:
        self._url = url
        self._engine = engine
        self._dice = random.Random(seed)
        self._rounds: list[Played] = []
        self._number = 0
        self.slug = f"agg{seed}"
        self.players = [f"{name}{seed}" for name in ("alice", "bob", "carol")]
        with psycopg.connect(url) as connection:
            for player in self.players:
                connection.execute("INSERT INTO players (player) VALUES (%s)", [player])
                for code in CODES:
                    connection.execute(_WALLET.encode(), [player, code])

    def change(self, now: datetime, *, rounds: int = 12) -> None:
        """Play a few rounds before ``now``, and report some for the first time or again."""
        fresh = [self._played(now) for _ in range(rounds)]
        self._rounds += fresh
        repeated = self._dice.sample(self._rounds, min(3, len(self._rounds)))
        self._post([played for played in fresh if self._dice.random() < 0.9])
        self._post([played for played in repeated if self._dice.random() < 0.4])
        reported = [played for played in fresh if self._dice.random() < 0.85]
        reported += [played for played in repeated if self._dice.random() < 0.6]
        self._report(reported, now)
        if self._dice.random() < 0.2:
            self._map_handle()

    def agree(self, now: datetime, *, rounds: int) -> None:
        """Play rounds that both sides report alike."""
        fresh = [self._played(now) for _ in range(rounds)]
        self._post(fresh)
        records = [self._record(played, now, wrong="", several=False) for played in fresh]
        with self._engine.begin() as connection:
            store_records(connection, self.slug, records, source="push", received_at=now)

    def _played(self, now: datetime) -> Played:
        self._number += 1
        age = timedelta(minutes=self._dice.randrange(0, 90))
        return Played(
            round_id=f"r{self._number}",
            player=self._dice.choice(self.players),
            currency=self._dice.choice(CODES),
            at=now - age,
        )

    def _amounts(self, played: Played) -> tuple[int, int]:
        truth = random.Random(played.round_id)
        return truth.randrange(0, 500), truth.randrange(0, 900)

    def _post(self, rounds: list[Played]) -> None:
        with psycopg.connect(self._url) as connection:
            row = connection.execute(BATCH.encode()).fetchone()
            assert row is not None
            for round_, kind, stake, payout in self._steps(rounds):
                self._number += 1
                values = {
                    "number": self._number,
                    "slug": self.slug,
                    "batch": row[0],
                    "key": f"op{self._number}",
                    "kind": kind,
                    "currency": round_.currency,
                    "stake": stake,
                    "payout": payout,
                    "round": round_.round_id,
                    "match_key": match_key(self.slug, round_.round_id),
                    "ends": self._dice.random() < 0.8,
                    "at": round_.at,
                    "player": round_.player,
                }
                connection.execute(OPERATION.encode(), values)
                connection.execute(ROUND.encode(), values)

    def _steps(self, rounds: list[Played]) -> Iterator[tuple[Played, str, int, int]]:
        """Yield rounds in one operation or two; the second may still be missing."""
        for round_ in rounds:
            stake, payout = self._amounts(round_)
            if self._dice.random() < 0.6:
                yield round_, "bet_and_win", stake, payout
                continue
            yield round_, "bet", stake, 0
            if self._dice.random() < 0.8:
                yield round_, "win", 0, payout

    def _report(self, rounds: list[Played], now: datetime) -> None:
        records = [self._record(played, now) for played in rounds]
        store = store_statement if self._dice.random() < 0.3 else store_records
        with self._engine.begin() as connection:
            store(connection, self.slug, records, source="push", received_at=now)

    def _record(
        self,
        played: Played,
        now: datetime,
        *,
        wrong: str | None = None,
        several: bool | None = None,
    ) -> HistoryRecord:
        stake, payout = self._amounts(played)
        moved = False
        if wrong is None:
            wrong = self._dice.choice(WRONG)
            moved = self._dice.random() < 0.1
        if several is None:
            several = self._dice.random() < 0.2
        currency = played.currency
        if wrong == "code":
            currency = CODES[1 - CODES.index(currency)]
        self._number += 1
        return HistoryRecord(
            record_id=f"{played.round_id}-{self._number}" if several else played.round_id,
            handle="mallory" if wrong == "player" else played.player,
            round_id=played.round_id,
            currency=currency,
            game=None,
            stake=Money(stake + 7 * (wrong == "stake"), currency),
            payout=Money(
                0 if wrong == "no payout" else payout + 11 * (wrong == "payout"), currency
            ),
            rolled_back=wrong == "undone",
            declared_net=None,
            balance_before=None,
            balance_after=None,
            created_at=played.at + timedelta(days=1) * moved,
            updated_at=now,
            raw=f"{played.round_id} {self._number}".encode(),
        )

    def _map_handle(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(
                b"INSERT INTO handles VALUES (%s, 'mallory', %s)"
                b" ON CONFLICT (provider, handle) DO NOTHING",  # a handle never moves
                [self.slug, self._dice.choice(self.players)],
            )
