"""The history as it is told: pushed versions and the statement file."""

import asyncio
import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from simulator.history.statements import write_statement
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.json_text import JsonAmount, Value
from simulator.protocol.sender import RetryPolicy
from simulator.protocol.system import System
from simulator.run.driver import Pace, ReceiverTarget
from simulator.run.push import push
from simulator.scenarios.plan import make_plan
from simulator.systems.agent_platform import statement as agent_platform
from simulator.systems.aggregator.calls import signature
from simulator.systems.aggregator.push import pushes
from simulator.systems.sportsbook import statement as sportsbook
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    ALL_SYSTEMS,
    SPORTSBOOK,
    XIGS,
    configuration,
)

BEGAN = datetime(2026, 6, 4, 9, 30, tzinfo=UTC)
SECRET = b"secret"


@pytest.fixture(scope="module")
def lines() -> tuple[HistoryLine, ...]:
    plan = make_plan(seed=2, callbacks=1600, players=10, systems=ALL_SYSTEMS, currency="USD")
    return history_of(plan)


def own(lines: tuple[HistoryLine, ...], system: System) -> list[HistoryLine]:
    return [line for line in lines if line.side is system]


def _span(places: int = 1600) -> RunSpan:
    return RunSpan(BEGAN, BEGAN + timedelta(seconds=8), places)


def test_instants_lie_within_the_run_in_order() -> None:
    span = _span(places=4)
    assert [span.at(place) - BEGAN for place in range(4)] == [
        timedelta(seconds=2 * place) for place in range(4)
    ]
    assert RunSpan(BEGAN, BEGAN, 0).at(0) == BEGAN


def test_the_newest_version_of_every_record_is_the_truth_and_adds_up(
    lines: tuple[HistoryLine, ...],
) -> None:
    newest: dict[str, dict[str, object]] = {}
    for requests in pushes(own(lines, AGGREGATOR), 2, _span(), SECRET):
        for request in requests:
            record = json.loads(request.body, parse_float=Decimal, parse_int=Decimal)
            held = newest.get(record["_id"])
            if held is None or str(held["updatedAt"]) < record["updatedAt"]:
                newest[record["_id"]] = record
    told = [line for line in lines if line.side is AGGREGATOR]
    assert set(newest) == {line.record_id for line in told}
    for line in told:
        record = newest[line.record_id]
        used, received = record["used_balance"], record["receive_balance"]
        assert (used, received) == (Decimal(line.stake) / 100, Decimal(line.payout) / 100)
        assert record["winlose"] == Decimal(line.payout - line.stake) / 100
        assert record["after_balance"] == record["before_balance"] - used + received  # type: ignore[operator]


def test_some_records_come_out_of_order_and_some_twice(lines: tuple[HistoryLine, ...]) -> None:
    records = list(pushes(own(lines, AGGREGATOR), 2, _span(), SECRET))
    kinds = {tuple(json.loads(r.body)["type"] for r in requests) for requests in records}
    assert {("create", "update"), ("update", "create")} <= kinds
    assert any(len(kind) == 3 for kind in kinds)
    assert records == list(pushes(own(lines, AGGREGATOR), 2, _span(), SECRET))


def test_the_documented_sample_has_the_digest_of_the_published_algorithm() -> None:
    def money(minor: int) -> JsonAmount:
        return JsonAmount(minor, 2)

    fields: list[tuple[str, Value]] = [
        ("_id", "66a1c0f2e1b2c3d4e5f60718"),
        ("type", "update"),
        ("provider", "PGSoft"),
        ("game", "Super Golf Drive"),
        ("game_id", "1513328"),
        ("user_agent", "LAG1.0632094194"),
        ("before_balance", money(29659)),
        ("after_balance", money(31159)),
        ("used_balance", money(500)),
        ("receive_balance", money(2000)),
        ("winlose", money(1500)),
        ("createdAt", "2026-06-04T09:30:00.000Z"),
        ("updatedAt", "2026-06-04T09:30:04.000Z"),
    ]
    digest = "273836c39b33e7c594407d52f76e256676872ae87c5af6c6a40c952ef15df352"
    assert signature(dict(fields), b"test_agent_secret") == digest


def test_pushing_delivers_each_record_in_its_order_and_counts_refusals(
    lines: tuple[HistoryLine, ...],
) -> None:
    records = list(pushes(own(lines, AGGREGATOR), 2, _span(), SECRET))
    heard: dict[str, list[bytes]] = {}

    async def hear(request: web.Request) -> web.Response:
        body = await request.read()
        heard.setdefault(json.loads(body)["_id"], []).append(body)
        return web.json_response({"status": True})

    async def run() -> int:
        app = web.Application()
        app.router.add_post("/callbacks/agg/history", hear)
        async with TestServer(app) as server:
            target = ReceiverTarget(
                url=str(server.make_url("/")),
                providers={AGGREGATOR: configuration(AGGREGATOR, slug="agg")},
            )
            patience = RetryPolicy(deadline=5.0, one_send=2.0, pause=0.01, pause_max=0.1)
            pace = Pace(connections=8, rate=None, patience=patience)
            refused = await push(records, AGGREGATOR, target, pace, progress=done.append)
            elsewhere = replace(
                target, providers={AGGREGATOR: configuration(AGGREGATOR, slug="nobody")}
            )
            return refused + await push(
                records[:2], AGGREGATOR, elsewhere, pace, progress=done.append
            )

    done: list[int] = []
    assert asyncio.run(run()) == len(records[0]) + len(records[1])
    assert sum(done) == sum(map(len, [*records, *records[:2]]))
    assert sorted(heard.values()) == sorted([r.body for r in each] for each in records)


def test_the_statement_has_the_agreed_columns_and_one_row_per_transaction(
    lines: tuple[HistoryLine, ...], tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "statement.csv"
    count = write_statement(path, SPORTSBOOK, lines, _span())
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert tuple(reader.fieldnames or ()) == sportsbook.COLUMNS
    told = [line for line in lines if line.side is SPORTSBOOK]
    assert len(rows) == count == len(told)
    for row, line in zip(rows, told, strict=True):
        assert row["transaction_id"] == line.record_id
        assert (row["action"] == "rollback") is line.rolled_back
        assert row["rollback_transaction_id"] == (line.round_id if line.rolled_back else "")
        assert Decimal(row["amount"]) == Decimal(line.amount) / 100
        assert row["created_at"].endswith("Z")
        assert BEGAN <= datetime.fromisoformat(row["created_at"]) <= _span().ended


def test_the_agent_platforms_export_names_both_legs_and_what_a_rollback_undid(
    lines: tuple[HistoryLine, ...], tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    count = write_statement(path, AGENT_PLATFORM, lines, _span())
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = {_own_id(row): row for row in reader}
    assert tuple(reader.fieldnames or ()) == agent_platform.COLUMNS
    told = [line for line in lines if line.side is AGENT_PLATFORM]
    assert list(rows) == [line.record_id for line in told]
    assert len(rows) == count
    undone = 0
    for line in told:
        row = rows[line.record_id]
        assert row["type"] == ("rollback" if line.rolled_back else "makeBet")
        if not line.rolled_back:
            assert row["original_transaction_id"] == ""
            assert Decimal(row["bet"]) == Decimal(line.stake) / 100
            assert Decimal(row["win"]) == Decimal(line.payout) / 100
        elif line.round_id in rows:
            undone += 1
            original = rows[row["original_transaction_id"]]
            for column in ("bet", "win", "round_id", "player_id"):
                assert row[column] == original[column]
    assert undone
    assert any(row["transaction_id"] == "" for row in rows.values())


def _own_id(row: dict[str, str]) -> str:
    """A rollback that the platform gave no id is known by what it undoes."""
    return row["transaction_id"] or f"rollback:{row['original_transaction_id']}"


def test_rounds_are_told_as_one_object_a_line_and_open_ones_have_no_prize(
    lines: tuple[HistoryLine, ...], tmp_path: Path
) -> None:
    path = tmp_path / "rounds.jsonl"
    count = write_statement(path, XIGS, lines, _span())
    rounds = [
        json.loads(text, parse_float=Decimal, parse_int=Decimal)
        for text in path.read_text().splitlines()
    ]
    told = [line for line in lines if line.side is XIGS]
    assert len(rounds) == count == len(told)
    for one, line in zip(rounds, told, strict=True):
        assert (one["roundId"], one["userId"]) == (line.round_id, line.handle)
        assert one["bet"] == Decimal(line.stake) / 100
        assert one["prize"] == Decimal(line.payout) / 100
        assert one["status"] == ("closed" if line.closed else "open")
        assert one["createdAt"] <= one["updatedAt"]
    assert {one["status"] for one in rounds} == {"open", "closed"}
    assert all(one["prize"] == 0 for one in rounds if one["status"] == "open")


def test_the_side_that_pushes_has_no_file(
    lines: tuple[HistoryLine, ...], tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="aggregator"):
        write_statement(tmp_path / "history", AGGREGATOR, lines, _span())
    assert AGGREGATOR.statement is None
    assert list(tmp_path.iterdir()) == []
