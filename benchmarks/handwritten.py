"""The wallet that teams write by hand, beside ours: same PostgreSQL, same load, same run.

``python -m benchmarks.handwritten [--seconds S] [--rounds N] [--connections N ...]``. The other
wallet is an aiohttp handler that verifies the same signature and books each callback in a
transaction of its own: ``SELECT ... FOR UPDATE``, the operation, two entries, the balance. Ours
has a worker that posts meanwhile; processor time counts until everything is posted. Both are
loaded in turn; a ratio is the median of the pairs. ``cpu`` is the processor time of all
processes a callback, with PostgreSQL and broker, without the load generator, in microseconds;
``by cpu`` is the ratio of it. Rates compare what is left beside the generator, of which the
faster wallet leaves less.

``python -m benchmarks.handwritten serve PORT DATABASE_URL`` is that wallet.
"""

import argparse
import json
import socket
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import asyncpg
import uvloop
from aiohttp import web
from sqlalchemy import text

from benchmarks.bench import (
    BenchSetup,
    drained,
    free_port,
    load,
    running,
    staged,
    wait_until_answering,
    warm_up,
)
from benchmarks.loads.closed_loop import PLAYERS, SECRETS, player
from benchmarks.profiling.processes import Usage, family, usage_of
from ops.engines import servers
from providers.contract import Callback, Provider
from providers.registry import DIALECTS
from storage.transactions import engine_at

DIALECT = "sportsbook"
CONNECTIONS = (1, 16, 64, 256)
#: Connections of the other wallet to PostgreSQL: more than can work at once.
POOL = 20

_TABLES = """
CREATE SCHEMA handwritten;
CREATE TABLE handwritten.wallets (
    player text PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0)
);
CREATE TABLE handwritten.operations (
    operation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id text NOT NULL UNIQUE, player text NOT NULL REFERENCES handwritten.wallets,
    action text NOT NULL, amount bigint NOT NULL, balance_after bigint NOT NULL,
    body bytea NOT NULL, reply bytea NOT NULL, received_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE handwritten.entries (
    operation_id bigint NOT NULL REFERENCES handwritten.operations, leg smallint NOT NULL,
    account text NOT NULL, amount bigint NOT NULL, PRIMARY KEY (operation_id, leg)
);
"""
_WALLETS = "INSERT INTO handwritten.wallets SELECT unnest(CAST(:players AS text[])), 1000000000"
_LOCK = "SELECT balance FROM handwritten.wallets WHERE player = $1 FOR UPDATE"
_KNOWN = "SELECT reply FROM handwritten.operations WHERE transaction_id = $1"
_OPERATION = """
INSERT INTO handwritten.operations
       (transaction_id, player, action, amount, balance_after, body, reply)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING operation_id
"""
_ENTRIES = """
INSERT INTO handwritten.entries
VALUES ($1, 1, 'player', $2), ($1, 2, 'provider', -$2::bigint)
"""
_BALANCE = "UPDATE handwritten.wallets SET balance = $2 WHERE player = $1"


class HandwrittenWallet:
    """Books each callback in a transaction of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._dialect = DIALECTS[DIALECT]
        self._provider = Provider(
            slug=DIALECT,
            currency="USD",
            exponents={},
            secrets=(SECRETS[DIALECT],),
            options={name: option.default for name, option in self._dialect.options.items()},
        )

    async def handle(self, request: web.Request) -> web.Response:
        """Verify, book, answer."""
        body = await request.read()
        callback = Callback(route="/transaction", headers=request.headers, body=body)
        self._dialect.verify(callback, self._provider)
        reply = await self._book(json.loads(body), body)
        return web.Response(body=reply, headers={"Content-Type": "application/json"})

    async def _book(self, payload: dict[str, str], body: bytes) -> bytes:
        name, identity = payload["user_id"], payload["transaction_id"]
        minor = round(float(payload["amount"]) * 100)
        amount = -minor if payload["action"] == "bet" else minor
        async with self._pool.acquire() as connection, connection.transaction():
            balance = await connection.fetchval(_LOCK, name)
            known: bytes | None = await connection.fetchval(_KNOWN, identity)
            if known is not None:
                return known
            after = balance + amount
            reply = f'{{"error":null,"balance":{after / 100:.2f}}}'.encode()
            number = await connection.fetchval(
                _OPERATION, identity, name, payload["action"], amount, after, body, reply
            )
            await connection.execute(_ENTRIES, number, amount)
            await connection.execute(_BALANCE, name, after)
        return reply


async def serve(port: int, database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=POOL, max_size=POOL) as pool:
        app = web.Application(client_max_size=65_536)
        app.router.add_post("/callbacks/sportsbook/transaction", HandwrittenWallet(pool).handle)
        listen = socket.socket()
        listen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listen.bind(("127.0.0.1", port))
        await web._run_app(app, sock=listen, access_log=None, print=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", nargs="+", type=int, default=CONNECTIONS)
    parser.add_argument("--warm-up", type=float, default=0.0, help="0: see every player")
    chosen = parser.parse_args()
    port, turns = free_port(), count(1, 1_000_000)
    results = []
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        _create_tables(stage)
        with (
            running("benchmarks.handwritten", "serve", str(port), stage.database_url) as other,
            running("ops", "receiver", stage=stage) as receiver,
            running("ops", "worker", "--processes", "1", stage=stage) as worker,
        ):
            for receiver_port in (port, stage.port):
                wait_until_answering(receiver_port)
                warm_up(receiver_port, DIALECT, turn=next(turns), seconds=chosen.warm_up)
            drained(stage.database_url)
            print(
                "conn  other/s  ours/s  ratio  by cpu"
                "  p50, other  p99, other  cpu, other  failures"
            )
            ours = [receiver.pid, worker.pid]
            measure = partial(_loaded, stage, seconds=chosen.seconds)
            for connections in chosen.connections:
                pairs = [
                    (
                        measure(port, [other.pid], connections, turn=next(turns)),
                        measure(stage.port, ours, connections, turn=next(turns)),
                    )
                    for _ in range(chosen.rounds)
                ]
                results.append(_line(connections, pairs))
    print(json.dumps({"benchmark": "handwritten", "results": results}))


def _create_tables(stage: BenchSetup) -> None:
    with engine_at(stage.database_url, pool_size=1) as engine, engine.begin() as connection:
        connection.execute(text(_TABLES))
        names = [player(number) for number in range(PLAYERS)]
        connection.execute(text(_WALLETS), {"players": names})


def _loaded(
    stage: BenchSetup,
    port: int,
    pids: Sequence[int],
    connections: int,
    *,
    seconds: float,
    turn: int,
) -> dict[str, float]:
    """Load one of the two until everything is booked; what it and the servers used."""
    before, started = _used_s(stage, pids), perf_counter()
    figures = load(port, DIALECT, connections=connections, seconds=seconds, turn=turn)
    drained(stage.database_url)
    booked = perf_counter() - started
    used_us = (_used_s(stage, pids) - before) / figures["answers"] * 1e6
    return {**figures, "booked_s": booked, "cpu_us": used_us}


def _used_s(stage: BenchSetup, pids: Sequence[int]) -> float:
    """Processor time so far of these processes, and of the servers, with all below them."""
    embedded = servers.status(stage.data)
    roots = [*pids, *(pid for pid in (embedded.postgres, embedded.valkey) if pid is not None)]
    everybody = (usage_of(process) for pid in roots for process in family(pid))
    return sum(everybody, Usage()).ran_s


def _line(
    connections: int, pairs: list[tuple[dict[str, float], dict[str, float]]]
) -> dict[str, object]:
    def middle(name: str) -> tuple[float, float]:
        return median(pair[0][name] for pair in pairs), median(pair[1][name] for pair in pairs)

    rates, p50, p99, cpu = (middle(name) for name in ("rate", "p50_ms", "p99_ms", "cpu_us"))
    ratio = median(ours["rate"] / other["rate"] for other, ours in pairs)
    by_cpu = median(other["cpu_us"] / ours["cpu_us"] for other, ours in pairs)
    failures = int(sum(other["failures"] + ours["failures"] for other, ours in pairs))
    print(
        f"{connections:4} {rates[0]:8,.0f} {rates[1]:7,.0f} {ratio:6.2f} {by_cpu:7.2f}"
        f" {p50[1]:5.1f} {p50[0]:5.1f} {p99[1]:5.1f} {p99[0]:5.1f}"
        f" {cpu[1]:5.0f} {cpu[0]:5.0f} {failures:9}"
    )
    return {
        "connections": connections,
        "other_per_s": round(rates[0]),
        "ours_per_s": round(rates[1]),
        "ratio": round(ratio, 2),
        "ratio_by_cpu": round(by_cpu, 2),
        "other_p50_ms": round(p50[0], 2),
        "ours_p50_ms": round(p50[1], 2),
        "other_p99_ms": round(p99[0], 2),
        "ours_p99_ms": round(p99[1], 2),
        "other_cpu_us": round(cpu[0], 1),
        "ours_cpu_us": round(cpu[1], 1),
        "failures": failures,
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(int(sys.argv[2]), sys.argv[3]))
    else:
        main()
