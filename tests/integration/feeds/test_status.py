"""``tieout feed status|findings|resolve|file``: late feeds, findings, maturity."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from feeds.arrival_delay import MaturityRules, MaturitySource, maturity_for
from feeds.coverage import feed_health
from feeds.records import store_records
from storage.engine import open_engine
from tests.harness.servers.command_line import run_tieout
from tests.integration.feeds.test_day_close import record
from vocabulary.maturity import RecordKind
from vocabulary.money import Money

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "book"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[providers.statement]
columns = {{amount = "Sum"}}
timezone = "UTC"
[providers.feed]
stale_after = "{stale}"
operations = {{win = "2h"}}
"""
COLUMNS = "transaction_id,action,user_id,currency,Sum,rollback_transaction_id,created_at\n"
BET = "t-1,bet,alice,USD,5.00,,2026-03-01T10:00:00\n"
BROKEN = "t-2,bet,alice,USD,5.001,,2026-03-01T10:00:00\n"


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_tieout(folder, *words)


def run_json(folder: Path, *words: str, code: int) -> Any:
    done = run(folder, *words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_finding_is_open_from_the_import_until_a_person_resolves_it(
    tmp_path: Path, database: str
) -> None:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database, stale="99999d"))
    (tmp_path / "day.csv").write_text(COLUMNS + BET + BROKEN)

    file = str(tmp_path / "day.csv")
    imported = run_json(tmp_path, "feed", "import", file, "--provider", "book", code=1)
    assert (imported["verdict"], imported["unreadable"][0]["line"]) == ("partly", 3)

    (status,) = run_json(tmp_path, "feed", "status", code=1)
    assert (status["records"], status["findings"]) == (1, {"error": 1, "warning": 0})
    assert status["stale"] is False
    assert status["feeds"][0]["watermark"] == "2026-03-01T10:00:00Z"
    assert status["maturity"]["win"] == {
        "age_s": 7200,
        "source": "declared",
        "per_mille": None,
        "samples": 0,
    }
    (finding,) = run_json(tmp_path, "feed", "findings", code=1)
    resolved = run(
        tmp_path, "feed", "resolve", finding["id"], "--by", "ann", "--reason", "told by mail"
    )
    assert resolved.returncode == 0, resolved.stderr
    assert run_json(tmp_path, "feed", "findings", code=0) == []

    written = run(
        tmp_path, "feed", "file", str(imported["file_id"]), str(tmp_path / "back.csv")
    )
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "back.csv").read_text() == COLUMNS + BET + BROKEN


def test_a_feed_without_anything_newer_for_too_long_is_stale(engine: Engine) -> None:
    with engine.begin() as connection:
        store_records(connection, "agg", [record("a")], source="push", received_at=NOON)
        stale_after = {"agg": DAY, "mute": DAY, "calm": None}
        healths = {
            health.history.provider: health
            for health in feed_health(connection, stale_after, stale_after=stale_after)
        }

    later = NOON + 2 * DAY
    assert [health.is_stale(NOON + DAY) for health in healths.values()] == [False, False, True]
    assert [slug for slug, health in healths.items() if health.is_stale(later)] == [
        "agg",
        "mute",
    ]
    assert [slug for slug, health in healths.items() if health.is_well(later)] == ["calm"]


def test_maturity_is_learned_from_the_first_receipt_of_records(engine: Engine) -> None:
    rules = MaturityRules(
        declared=15 * MINUTE, learns=True, samples_min=20, ceiling=DAY, lookback=30 * DAY
    )
    with engine.begin() as connection:
        first_receipt = NOON
        first = [record("old", created_at=NOON - 300 * DAY)]
        store_records(connection, "agg", first, source="push", received_at=first_receipt)
        for number in range(30):
            created_at = NOON + number * MINUTE
            bet = [record(f"b-{number}", created_at=created_at, updated_at=created_at)]
            received_at = created_at + 5 * MINUTE
            store_records(connection, "agg", bet, source="push", received_at=received_at)
            paid = {"payout": Money(900, "USD"), "updated_at": created_at + 2 * MINUTE}
            if number < 3:
                won = [record(f"b-{number}", created_at=created_at, **paid)]
                store_records(
                    connection, "agg", won, source="push", received_at=received_at + 50 * MINUTE
                )
        early = maturity_for(connection, "agg", rules, NOON + 60 * MINUTE)
        late = maturity_for(connection, "agg", rules, NOON + 2 * DAY)

    bets, wins = (late.by_kind[kind] for kind in (RecordKind.BET, RecordKind.WIN))
    assert (bets.age, bets.source, bets.samples) == (5 * MINUTE, MaturitySource.LEARNED, 27)
    assert (wins.age, wins.source, wins.samples) == (15 * MINUTE, MaturitySource.DECLARED, 3)
    assert early.by_kind[RecordKind.BET].samples == 0
