"""``tieout feed status`` and its neighbours: how late a feed is, and what maturity rests on."""

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
from tests.harness.servers.typed_command import typed
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
    made = open_engine(database)
    yield made
    made.dispose()


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return typed(folder, *words)


def told(folder: Path, *words: str, code: int) -> Any:
    done = run(folder, *words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_file_is_followed_from_its_import_to_the_settling_of_its_finding(
    tmp_path: Path, database: str
) -> None:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database, stale="99999d"))
    (tmp_path / "day.csv").write_text(COLUMNS + BET + BROKEN)

    file = str(tmp_path / "day.csv")
    taken = told(tmp_path, "feed", "import", file, "--provider", "book", code=1)
    assert (taken["verdict"], taken["unreadable"][0]["line"]) == ("partly", 3)

    (status,) = told(tmp_path, "feed", "status", code=1)
    assert (status["records"], status["findings"]) == (1, {"error": 1, "warning": 0})
    assert status["stale"] is False
    assert status["feeds"][0]["watermark"] == "2026-03-01T10:00:00Z"
    assert status["maturity"]["win"] == {
        "age_s": 7200,
        "source": "declared",
        "per_mille": None,
        "samples": 0,
    }
    (found,) = told(tmp_path, "feed", "findings", code=1)
    settled = run(
        tmp_path, "feed", "resolve", found["id"], "--by", "ann", "--reason", "told by mail"
    )
    assert settled.returncode == 0, settled.stderr
    assert told(tmp_path, "feed", "findings", code=0) == []

    kept = run(tmp_path, "feed", "file", str(taken["file_id"]), str(tmp_path / "back.csv"))
    assert kept.returncode == 0, kept.stderr
    assert (tmp_path / "back.csv").read_text() == COLUMNS + BET + BROKEN


def test_a_feed_that_is_silent_for_too_long_is_stale(engine: Engine) -> None:
    with engine.begin() as connection:
        store_records(connection, "agg", [record("a")], source="push", received_at=NOON)
        patience = {"agg": DAY, "mute": DAY, "calm": None}
        every = {
            each.history.provider: each
            for each in feed_health(connection, patience, stale_after=patience)
        }

    later = NOON + 2 * DAY
    assert [each.is_stale(NOON + DAY) for each in every.values()] == [False, False, True]
    assert [slug for slug, each in every.items() if each.is_stale(later)] == ["agg", "mute"]
    assert [slug for slug, each in every.items() if each.is_well(later)] == ["calm"]


def test_maturity_is_learned_from_when_records_were_first_heard_of(engine: Engine) -> None:
    rules = MaturityRules(
        declared=15 * MINUTE, learns=True, samples_min=20, ceiling=DAY, lookback=30 * DAY
    )
    with engine.begin() as connection:
        told_at = NOON
        first = [record("old", created_at=NOON - 300 * DAY)]
        store_records(connection, "agg", first, source="push", received_at=told_at)
        for number in range(30):
            happened = NOON + number * MINUTE
            bet = [record(f"b-{number}", created_at=happened, updated_at=happened)]
            heard = happened + 5 * MINUTE
            store_records(connection, "agg", bet, source="push", received_at=heard)
            paid = {"payout": Money(900, "USD"), "updated_at": happened + 2 * MINUTE}
            if number < 3:
                won = [record(f"b-{number}", created_at=happened, **paid)]
                store_records(
                    connection, "agg", won, source="push", received_at=heard + 50 * MINUTE
                )
        early = maturity_for(connection, "agg", rules, NOON + 60 * MINUTE)
        late = maturity_for(connection, "agg", rules, NOON + 2 * DAY)

    bets, wins = (late.by_kind[kind] for kind in (RecordKind.BET, RecordKind.WIN))
    assert (bets.age, bets.source, bets.samples) == (5 * MINUTE, MaturitySource.LEARNED, 27)
    assert (wins.age, wins.source, wins.samples) == (15 * MINUTE, MaturitySource.DECLARED, 3)
    assert early.by_kind[RecordKind.BET].samples == 0
