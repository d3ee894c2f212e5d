"""A month on a real database, reconciled with ``tieout reconcile`` as people run it.

Our operations are written where the receiver writes them and posted by the ledger's own
posting; the history is stored by the feed's own functions. Only the clock is real: the
maturities given to the command make it judge as of the month's end.
"""

import contextlib
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import psycopg
from typer.testing import CliRunner, Result

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, record_findings
from feeds.records import store_records, store_statement
from ops.cli import app
from storage.engine import open_engine
from tests.harness.detection.delivery_log import handle
from tests.harness.detection.edges import DAYS, edge_case, edge_world, expected_on
from tests.harness.detection.expected import Expected
from tests.harness.detection.month import (
    BET_MATURITY,
    END,
    NOW,
    OPEN_AFTER,
    ROLLBACK_MATURITY,
    START,
    WIN_MATURITY,
    System,
)
from tests.harness.detection.month import WITH_BALANCES as PUSHED
from tests.harness.detection.seed import Case, Verdict, expected_of, world_of
from tests.harness.detection.world import REPLY, Line, Op, World
from tests.harness.people import signed_in
from tests.simulation.engines import template
from vocabulary.clock import SystemClock
from vocabulary.currencies import digits_of
from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money, minor_from_text, text_from_minor

_OPERATIONS = (
    "wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision, currency, stake,"
    " payout, amount, balance_after, round_id, match_key, refers_to, ends_round,"
    " declared_stake, declared_payout, fingerprint, route, headers, body, reply_status, reply,"
    " received_at"
)
_DELIVERIES = (
    "batch_id, provider, route, op_key, verdict, headers, body, reply_status, reply,"
    " received_at"
)
_LOGGED = (
    "provider, webhook_id, delivery_id, event_type, payload, response_code, response_body,"
    " success, attempted_at, retry_count, pulled_at"
)
#: The second batch was written in a session that ended without confirming it.
_UNANSWERED_BATCH = 2
_BATCHES = """
WITH session AS (INSERT INTO receiver_sessions (ended_at) VALUES (now()) RETURNING session_id)
INSERT INTO batches (operations, session_id, answered_through, committed_at)
SELECT 1, CASE WHEN n = 2 THEN session_id END, CASE WHEN n = 2 THEN 0 END,
       now() - interval '1 day'
  FROM session, generate_series(1, 3) AS n ORDER BY n
"""
_DIALECTS = {
    System.NAMED: ("aggregator", ""),
    System.UNNAMED: ("aggregator", "history_id_is_bet_id = false"),
    System.XIGS: ("xigs", ""),
    System.SPORTSBOOK: ("sportsbook", ""),
    System.AGENT: ("agent_platform", 'rounds = "round_id"'),
}
_PROVIDER = """
[[providers]]
slug = "{slug}"
dialect = "{dialect}"
currency = "USD"
secrets = ["literal:secret"]
open_after = "{open_after}s"
[providers.options]
{options}
[providers.feed]
operations = {{ bet = "{bet}s", win = "{win}s", rollback = "{rollback}s" }}
"""


@dataclass(slots=True)
class StoredMonths:
    """A server that stores months, each in a database of its own."""

    copy_database: Any
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def reconcile(self, case: Case) -> Verdict:
        """Store one month and reconcile every provider of it."""
        with self.copy_database(f"month_{next(self._numbers)}") as url:
            return reconcile_by_command(url, case)

    def reconcile_edge(self, seed: int) -> Verdict:
        """Store what happens around an edge and reconcile both days."""
        with self.copy_database(f"edge_{next(self._numbers)}") as url:
            return reconcile_edge_by_command(url, seed)


@contextlib.contextmanager
def stored() -> Iterator[StoredMonths]:
    """Start a server of its own."""
    with template() as server:
        yield StoredMonths(server.copy)


def reconcile_by_command(url: str, case: Case) -> Verdict:
    """Store one month in an empty database and reconcile every provider of it."""
    store(url, world_of([case]))
    breaks = [break_ for system in System for break_ in reconcile_stored(url, system)]
    return Verdict(expected_of(case), sorted(breaks))


def reconcile_edge_by_command(url: str, seed: int) -> Verdict:
    """Store what happens around an edge and reconcile either day."""
    cases = [edge_case(seed)]
    store(url, edge_world(cases))
    expected = [break_ for day in DAYS for break_ in expected_on(cases, day)]
    breaks = [break_ for day in DAYS for break_ in reconcile_stored(url, System.UNNAMED, day)]
    return Verdict(sorted(expected), sorted(breaks))


def store(url: str, world: World) -> None:
    """Store everything that either side has of a month."""
    with psycopg.connect(url) as connection:
        wallets = _players(connection, world)
        _copy(connection, "operations", _OPERATIONS, (_op_row(op, wallets) for op in world.ops))
        deliveries = (
            (_batch_of(verdict), system, "", key, verdict, "", b"", 409, b"", at)
            for system, key, verdict, at in world.deliveries
        )
        _copy(connection, "deliveries", _DELIVERIES, deliveries)
        _copy(connection, "provider_deliveries", _LOGGED, _log_rows(world))
    engine = open_engine(url, pool_size=1)
    with engine.begin() as transaction:
        for system in System:
            lines = [line for line in world.lines if line.system is system]
            keep = store_records if system in PUSHED else store_statement
            records = [_record(line) for line in lines for _ in range(line.times)]
            keep(transaction, system, records, source="month", received_at=NOW)
            findings = [
                NewFinding(
                    kind=FindingKind(finding.kind),
                    detail="said by whoever read it",
                    file=finding.file or None,
                    line=finding.line,
                    round_id=finding.round_id,
                    currency=finding.currency,
                    difference=finding.difference,
                )
                for finding in world.findings
                if finding.system is system
            ]
            record_findings(
                transaction, system, "statement", scope="month", findings=findings, now=NOW
            )
    engine.dispose()


def _players(connection: psycopg.Connection[Any], world: World) -> dict[tuple[str, str], int]:
    players = sorted({name for name, _ in world.chains} | {line.player for line in world.lines})
    _copy(connection, "players", "player", ((player,) for player in players))
    handles = ((system, handle(player), player) for system in System for player in players)
    _copy(connection, "handles", "provider, handle, player", handles)
    wallets = (
        (player, currency, chain[-1].after, len(chain))
        for (player, currency), chain in world.chains.items()
    )
    _copy(connection, "wallets", "player, currency, balance, seq", wallets)
    connection.execute(_BATCHES)
    rows = connection.execute("SELECT player, currency, wallet_id FROM wallets").fetchall()
    return {(player, currency): wallet for player, currency, wallet in rows}


def _batch_of(verdict: str) -> int:
    """Repeats were answered later than what they repeat was booked."""
    return _UNANSWERED_BATCH + 1 if verdict == "repeated" else 1


def _copy(
    connection: psycopg.Connection[Any],
    table: str,
    columns: str,
    rows: Iterable[Sequence[object]],
) -> None:
    statement = f"COPY {table} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _op_row(op: Op, wallets: dict[tuple[str, str], int]) -> tuple[object, ...]:
    digest = blake2b(f"{op.system} {op.key} {op.kind}".encode(), digest_size=16).digest()
    batch = _UNANSWERED_BATCH if op.unanswered else 1
    return (
        *(wallets[op.player, op.currency], op.seq, batch, op.system, op.key, op.kind),
        "accepted",
        *(op.currency, op.stake, op.payout, op.amount, op.after, op.round_id),
        *(match_key(op.system, op.round_id), op.refers, op.ends),
        *(op.declared or (None, None)),
        *(digest, "", "", b"", 200, REPLY, op.at),
    )


def _log_rows(world: World) -> Iterator[tuple[object, ...]]:
    for number, entry in enumerate(world.logged):
        amount = text_from_minor(entry.amount, digits_of(entry.currency, {}))
        body = {"eventType": entry.event, "roundId": entry.round_id, "amount": amount}
        body |= {"userId": handle(entry.player), "currency": entry.currency}
        yield (
            *(System.XIGS, "w", str(number), entry.event, json.dumps(body).encode()),
            *(entry.code, entry.body, entry.code == 200, entry.at, 0, NOW),
        )


def _record(line: Line) -> HistoryRecord:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, line.currency)

    return HistoryRecord(
        record_id=line.record_id,
        round_id=line.round_id,
        handle=handle(line.player),
        currency=line.currency,
        stake=Money(line.stake, line.currency),
        payout=Money(line.payout, line.currency),
        rolled_back=line.rolled_back,
        declared_net=money(line.net),
        balance_before=money(line.before),
        balance_after=money(line.after),
        game=None,
        created_at=line.at,
        updated_at=line.at,
        raw=repr(line).encode(),
    )


def reconcile_stored(
    url: str, system: System, window: tuple[datetime, datetime] = (START, END)
) -> Iterator[Expected]:
    """Reconcile one provider of a stored month with the command."""
    words = ["reconcile", "--provider", system.value, "--json"]
    words += ["--from", window[0].isoformat(), "--to", window[1].isoformat()]
    done = run_command(url, *words)
    assert done.exit_code in {0, 1}, (done.output, done.exception)
    output = json.loads(done.stdout)
    assert output["conserved"]
    for break_ in output["breaks"]:
        exponent = digits_of(break_["currency"], {})
        sign = -1 if break_["difference"].startswith("-") else 1
        yield Expected(
            system=system.value,
            kind=break_["kind"],
            round_id=break_["round_key"],
            player=break_["player"],
            currency=break_["currency"],
            difference=sign * minor_from_text(break_["difference"].lstrip("-"), exponent),
            impact=break_["impact"],
        )


def run_command(url: str, *words: str) -> Result:
    """Run a command in this process, as of the month's end, for whom ``--by`` names."""
    ago = SystemClock().now() - NOW
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "tieout.toml"
        settings.write_text(_settings(url, ago))
        where = ["--config", str(settings), "--data", folder]
        return CliRunner(env=signed_in(words)).invoke(app, [*where, *words])


def _settings(url: str, ago: timedelta) -> str:
    ages = {"open_after": OPEN_AFTER, "bet": BET_MATURITY}
    ages |= {"win": WIN_MATURITY, "rollback": ROLLBACK_MATURITY}
    since = {name: int((ago + age).total_seconds()) for name, age in ages.items()}
    head = f'mode = "test"\n[database]\nurl = "{url}"\n'
    head += '[broker]\nurl = "redis://127.0.0.1:1/0"\n'
    return head + "".join(
        _PROVIDER.format(slug=system, dialect=dialect, options=options, **since)
        for system, (dialect, options) in _DIALECTS.items()
    )
