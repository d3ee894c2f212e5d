"""What archived keys cost the accept path: the same batches beside none, and beside millions.

``python -m benchmarks.archived_keys [--keys N] [--batches N] [--rounds N]``. One acceptor books
batches of new bets in new rounds, in turn without the guard of archived keys, with it and no
keys, and with it and so many keys. ``processor`` is what the database's process spends on one
operation, in microseconds: on a machine that does other things too it says more than the clock.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import psycopg

from benchmarks.bench import embedded_server, new_database
from ledger.accepting.acceptor import Acceptor
from ledger.accepting.model import Request
from ledger.players.importer import PlayerRow, import_players
from providers.contract import LedgerPolicy
from storage.engine import open_accept_connection, open_engine
from vocabulary.clock import SystemClock
from vocabulary.facts import Bet
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply

if TYPE_CHECKING:
    import asyncpg

PLAYERS = 200
#: Hashes in one row, as letting go packs them.
PER_ROW = 150
_POLICY = LedgerPolicy(
    orphan_win_credits=False,
    rollback_of_rollback_accepts=False,
    round_per_operation=False,
    rollback_moves_stated=False,
)
# Evenly spread with some disorder, so that nothing has to be sorted.
_FILL = """
INSERT INTO archived_keys (first_hash, hashes, days)
SELECT min(hash), array_agg(hash ORDER BY hash), array_agg(20000::smallint)
  FROM (SELECT n / %(row)s AS part,
               (-9223372036854775808 + n * %(step)s::numeric
                + floor(random() * %(step)s))::bigint AS hash
          FROM generate_series(0, %(keys)s - 1) AS n) AS spread
 GROUP BY part
"""
_GUARD = "ALTER TABLE operations {} TRIGGER operations_are_not_away"
#: Labels of the measured states, in the order in which they are measured.
STATES = ("without the guard", "no keys", "keys")


class _Connections:
    """Opens connections and knows the process that serves the newest."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.pid = 0

    async def open(self) -> "asyncpg.Connection":
        connection = await open_accept_connection(self._url)
        self.pid = connection.get_server_pid()
        return connection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=5_000_000)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--operations", type=int, nargs="+", default=(1, 16, 128))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, embedded_server(Path(folder)) as home:
        empty, filled = (new_database(home, name) for name in ("no_keys", "keys"))
        for url in (empty, filled):
            _open_wallets(url)
        _fill(filled, chosen.keys)
        bets = _bets()
        for operations in chosen.operations:
            figures: dict[str, list[tuple[float, float]]] = {state: [] for state in STATES}
            for _ in range(chosen.rounds):
                for state in STATES:
                    url = filled if state == "keys" else empty
                    _set_guard(url, is_on=state != STATES[0])
                    run = partial(_book, url, bets, operations, chosen.batches)
                    figures[state].append(asyncio.run(run()))
            _print(operations, figures)


def _open_wallets(url: str) -> None:
    engine = open_engine(url)
    opening = Money(10**12, "EUR")
    import_players(
        engine,
        (
            PlayerRow(line=n, player=f"p{n}", opening=opening, handles={})
            for n in range(PLAYERS)
        ),
    )
    engine.dispose()


def _fill(url: str, keys: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        params = {"row": PER_ROW, "step": 2**64 // keys, "keys": keys}
        connection.execute(_FILL, params)
        connection.execute("VACUUM ANALYZE archived_keys")
        size = connection.execute("SELECT pg_total_relation_size('archived_keys')").fetchone()
        assert size is not None
        print(f"{keys:,} keys in {size[0] / 2**20:.1f} MiB, {size[0] / keys:.1f} bytes each")


def _set_guard(url: str, *, is_on: bool) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_GUARD.format("ENABLE" if is_on else "DISABLE").encode())


def _bets() -> Iterator[Request]:
    """Bets without end, each in a round of its own."""
    for number in count():
        bet = Bet(
            key=f"bet-{number:012}-of-some-length",
            handle=f"p{number % PLAYERS}",
            amount=Money(100, "EUR"),
            round_id=f"round-{number:012}-of-some-length",
            occurred_at=None,
        )
        yield Request(
            provider="lottery",
            policy=_POLICY,
            fact=bet,
            route="/bet",
            headers="content-type: application/json",
            body=json.dumps({"id": bet.key, "round": bet.round_id}).encode() * 5,
            received_at=SystemClock().now(),
            respond=lambda _outcome: CallbackReply(200, b'{"status": "ok"}'),
        )


async def _book(
    url: str, bets: Iterator[Request], operations: int, batches: int
) -> tuple[float, float]:
    """Seconds, by the clock and of the database's process, for one operation."""
    connections = _Connections(url)
    acceptor = Acceptor(connections.open)
    try:
        for _ in range(10):  # statements are prepared and wallets known
            await acceptor.accept([next(bets) for _ in range(operations)])
        prepared = [[next(bets) for _ in range(operations)] for _ in range(batches)]
        begun, spent = perf_counter(), _processor_s(connections.pid)
        for batch in prepared:
            await acceptor.accept(batch)
        total = operations * batches
        return (
            (perf_counter() - begun) / total,
            (_processor_s(connections.pid) - spent) / total,
        )
    finally:
        await acceptor.close()


def _processor_s(pid: int) -> float:
    """Processor seconds of a process; the scheduler counts nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _print(operations: int, figures: dict[str, list[tuple[float, float]]]) -> None:
    print(f"batches of {operations}:")
    for state, runs in figures.items():
        clock, processor = (median(column) * 1e6 for column in zip(*runs, strict=True))
        print(f"  {state:20} {clock:8.1f} us by the clock {processor:8.1f} us processor")


if __name__ == "__main__":
    main()
