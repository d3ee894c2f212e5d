"""The script of docs/daily.md, word for word: from files in the inbox to four signed days."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from console.pages.today import yesterday
from tests.harness.books.four_providers import (
    BREAKS,
    DIFFERING,
    settings_text,
    write_yesterday,
)
from tests.harness.daily_script import Step, noon_of_yesterday, run_step, script
from vocabulary.window import day_window

#: Most commands that the day may take; `benchmarks.daily_job` measures the seconds.
COMMANDS_MAX = 12


def test_the_script_makes_four_signed_days(database: str, tmp_path: Path) -> None:
    noon = noon_of_yesterday()
    text = settings_text(database, tmp_path, noon)
    (tmp_path / "tieout.toml").write_text(text, encoding="utf-8")
    write_yesterday(database, tmp_path, noon)
    steps, outputs = script(), []

    for step in steps:
        done = run_step(tmp_path, step)
        assert done.returncode == step.code, (step, done.stdout, done.stderr)
        outputs.append(done.stdout)

    assert len(steps) <= COMMANDS_MAX
    assert f"total: {BREAKS} breaks: {BREAKS} open" in outputs[1]
    assert outputs[-1].count(" signed (signed by jonas)") == len(DIFFERING)
    assert _rows(database, "SELECT DISTINCT action, by_name FROM day_steps ORDER BY 1") == [
        *(("prepared", "maria"), ("signed", "jonas"))
    ]
    assert _rows(
        database, "SELECT state, count(*)::int FROM break_workflows GROUP BY 1 ORDER BY 1"
    ) == [("closed", 9), ("waiting", 4), ("written_off", 2)]


def test_every_step_says_what_comes_next(database: str, tmp_path: Path) -> None:
    noon = noon_of_yesterday()
    text = settings_text(database, tmp_path, noon)
    (tmp_path / "tieout.toml").write_text(text, encoding="utf-8")
    write_yesterday(database, tmp_path, noon)
    day, slugs = noon.date(), ("--provider", "agent_platform", "--provider", "xigs")

    swept = run_step(tmp_path, Step("maria", ["day", "run", *slugs], 1)).stdout
    proposed = run_step(
        tmp_path, Step("maria", shlex.split("breaks bulk propose --yes --reason r"), 1)
    )

    assert f"→ tieout breaks list --day {day}\n" in swept
    assert f"→ tieout day prepare {day} {' '.join(slugs)}" in swept
    assert re.search(rf"^xigs {day}: run run-[0-9a-f]{{20}}$", swept, re.MULTILINE)
    assert "→ tieout breaks bulk approve --expect" in proposed.stdout


def _rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_script_is_found_in_the_page() -> None:
    assert {step.person for step in script()} == {"maria", "jonas"}


@pytest.mark.parametrize("hour", range(24))
def test_the_day_of_the_script_is_mature_whatever_the_clock_says(hour: int) -> None:
    now = datetime(2026, 11, 30, hour, 1, tzinfo=UTC)
    noon = noon_of_yesterday(now)
    zone = ZoneInfo(str(noon.tzinfo))

    assert (noon.hour, noon.date()) == (12, noon.astimezone(UTC).date())
    assert noon.date() == yesterday(now, zone.key)
    assert day_window(noon.date(), zone).end == now - timedelta(hours=12, minutes=1)
