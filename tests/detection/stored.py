"""A month on a real database, asked by the command ``tieout reconcile`` as people ask it.

Our operations are put where the receiver puts them and posted by the ledger's own posting; the
history goes through the feed's own storing. Only the clock is the wall's: the ages that the
command is given make it judge as of the month's end.
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
from typer.testing import CliRunner

from feeds.findings import FindingKind, NewFinding, record_findings
from feeds.records import store_records, store_statement
from ops.cli import app
from storage.engine import open_engine
from tests.harness.detection.delivery_log import handle
from tests.harness.detection.edges import DAYS, edge_case, edge_world, expected_on
from tests.harness.detection.expected import Expected
from tests.harness.detection.month import (
    BET_RIPE,
    END,
    NOW,
    OPEN_AFTER,
    ROLLBACK_RIPE,
    START,
    WIN_RIPE,
    System,
)
from tests.harness.detection.month import WITH_BALANCES as PUSHED
from tests.harness.detection.seed import Case, Verdict, expected_of, world_of
from tests.harness.detection.world import REPLY, Line, Op, World
from tests.simulation.engines import template
from vocabulary.clock import SystemClock
from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money, exponent_of, minor_from_text, text_from_minor

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
class Stored:
    """A server on which months are stored, each in a database of its own."""

    fresh: Any
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def judged(self, case: Case) -> Verdict:
        """Store one month and ask the command about every provider of it."""
        with self.fresh(f"month_{next(self._numbers)}") as url:
            return judged_by_command(url, case)

    def judged_at_edge(self, seed: int) -> Verdict:
        """The same of what happens around an edge, for both of the days that meet there."""
        with self.fresh(f"edge_{next(self._numbers)}") as url:
            return edge_judged_by_command(url, seed)


@contextlib.contextmanager
def stored() -> Iterator[Stored]:
    """A server of its own."""
    with template() as made:
        yield Stored(made.copy)


def judged_by_command(url: str, case: Case) -> Verdict:
    """Store one month in an empty database and ask the command about every provider of it."""
    store(url, world_of([case]))
    found = [one for system in System for one in _asked(url, system)]
    return Verdict(expected_of(case), sorted(found))


def edge_judged_by_command(url: str, seed: int) -> Verdict:
    """Store what happens around an edge and ask the command about either day."""
    cases = [edge_case(seed)]
    store(url, edge_world(cases))
    told = [one for day in DAYS for one in expected_on(cases, day)]
    found = [one for day in DAYS for one in _asked(url, System.UNNAMED, day)]
    return Verdict(sorted(told), sorted(found))


def store(url: str, world: World) -> None:
    """Everything that either side has of a month."""
    with psycopg.connect(url) as connection:
        wallets = _players(connection, world)
        _copy(connection, "operations", _OPERATIONS, (_op_row(op, wallets) for op in world.ops))
        told = (
            (1, system, "", key, verdict, "", b"", 409, b"", at)
            for system, key, verdict, at in world.deliveries
        )
        _copy(connection, "deliveries", _DELIVERIES, told)
        _copy(connection, "provider_deliveries", _LOGGED, _log_rows(world))
    engine = open_engine(url, pool_size=1)
    with engine.begin() as transaction:
        for system in System:
            lines = [line for line in world.lines if line.system is system]
            keep = store_records if system in PUSHED else store_statement
            records = [_record(line) for line in lines for _ in range(line.times)]
            keep(transaction, system, records, source="month", received_at=NOW)
            found = [
                NewFinding(
                    kind=FindingKind(one.kind),
                    detail="said by whoever read it",
                    file=one.file or None,
                    line=one.line,
                    round_id=one.round_id,
                    currency=one.currency,
                    difference=one.difference,
                )
                for one in world.findings
                if one.system is system
            ]
            record_findings(
                transaction, system, "statement", scope="month", findings=found, now=NOW
            )
    engine.dispose()


def _players(connection: psycopg.Connection[Any], world: World) -> dict[tuple[str, str], int]:
    players = sorted({who for who, _ in world.chains} | {line.player for line in world.lines})
    _copy(connection, "players", "player", ((who,) for who in players))
    handles = ((system, handle(who), who) for system in System for who in players)
    _copy(connection, "handles", "provider, handle, player", handles)
    held = (
        (who, currency, chain[-1].after, len(chain))
        for (who, currency), chain in world.chains.items()
    )
    _copy(connection, "wallets", "player, currency, balance, seq", held)
    connection.execute("INSERT INTO batches (operations) VALUES (1)")
    rows = connection.execute("SELECT player, currency, wallet_id FROM wallets").fetchall()
    return {(player, currency): wallet for player, currency, wallet in rows}


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
    return (
        *(wallets[op.player, op.currency], op.seq, 1, op.system, op.key, op.kind, "accepted"),
        *(op.currency, op.stake, op.payout, op.amount, op.after, op.round_id),
        *(match_key(op.system, op.round_id), op.refers, op.ends),
        *(op.declared or (None, None)),
        *(digest, "", "", b"", 200, REPLY, op.at),
    )


def _log_rows(world: World) -> Iterator[tuple[object, ...]]:
    for number, one in enumerate(world.logged):
        amount = text_from_minor(one.amount, exponent_of(one.currency))
        said = {"eventType": one.event, "roundId": one.round_id, "amount": amount}
        said |= {"userId": handle(one.player), "currency": one.currency}
        yield (
            *(System.XIGS, "w", str(number), one.event, json.dumps(said).encode()),
            *(one.code, one.body, one.code == 200, one.at, 0, NOW),
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


def _asked(
    url: str, system: System, window: tuple[datetime, datetime] = (START, END)
) -> Iterator[Expected]:
    ago = SystemClock().now() - NOW
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "tieout.toml"
        settings.write_text(_settings(url, ago))
        words = ["--config", str(settings), "--data", folder, "reconcile"]
        words += ["--provider", system.value, "--json"]
        words += ["--from", window[0].isoformat(), "--to", window[1].isoformat()]
        done = CliRunner().invoke(app, words)
    assert done.exit_code in {0, 1}, (done.output, done.exception)
    told = json.loads(done.stdout)
    assert told["conserved"]
    for one in told["breaks"]:
        # Where nobody knows the currency, no amount is told either.
        exponent = 2 if one["currency"] == "XXX" else exponent_of(one["currency"])
        sign = -1 if one["difference"].startswith("-") else 1
        yield Expected(
            system=system.value,
            kind=one["kind"],
            round_id=one["round_key"],
            player=one["player"],
            currency=one["currency"],
            difference=sign * minor_from_text(one["difference"].lstrip("-"), exponent),
            impact=one["impact"],
        )


def _settings(url: str, ago: timedelta) -> str:
    ages = {"open_after": OPEN_AFTER, "bet": BET_RIPE}
    ages |= {"win": WIN_RIPE, "rollback": ROLLBACK_RIPE}
    since = {name: int((ago + age).total_seconds()) for name, age in ages.items()}
    head = f'mode = "test"\n[database]\nurl = "{url}"\n'
    head += '[broker]\nurl = "redis://127.0.0.1:1/0"\n'
    return head + "".join(
        _PROVIDER.format(slug=system, dialect=dialect, options=options, **since)
        for system, (dialect, options) in _DIALECTS.items()
    )
