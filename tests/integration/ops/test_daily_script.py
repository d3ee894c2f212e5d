"""The script of docs/daily.md, word for word: from files in the inbox to four signed days."""

import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.harness.books.four_providers import (
    BREAKS,
    DIFFERING,
    settings_text,
    write_yesterday,
)
from tests.harness.people import token_of
from vocabulary.clock import SystemClock

DOCUMENT = Path(__file__).parents[3] / "docs" / "daily.md"
#: A line of the script: who types it, the command, and its exit code if it is not 0.
LINE = re.compile(r"^(\w+)\$ tieout (.+?)(?: +# exits (\d): .*)?$", re.MULTILINE)
#: Most commands and seconds that the day may take; the page states what was measured.
COMMANDS_MAX = 12
SECONDS_MAX = 120


@dataclass(frozen=True, slots=True)
class Step:
    """A command of the script."""

    person: str
    words: list[str]
    code: int


def script() -> list[Step]:
    text = DOCUMENT.read_text(encoding="utf-8")
    return [
        Step(person, shlex.split(words), int(code or 0))
        for person, words, code in LINE.findall(text)
    ]


def noon_of_yesterday() -> datetime:
    today = SystemClock().now().astimezone(UTC)
    return today.replace(hour=12, minute=0, second=0) - timedelta(days=1)


def test_the_script_makes_four_signed_days(database: str, tmp_path: Path) -> None:
    noon = noon_of_yesterday()
    (tmp_path / "tieout.toml").write_text(settings_text(database, tmp_path), encoding="utf-8")
    write_yesterday(database, tmp_path, noon)
    steps, outputs, began = script(), [], time.monotonic()

    for step in steps:
        done = _run(tmp_path, step)
        assert done.returncode == step.code, (step, done.stdout, done.stderr)
        outputs.append(done.stdout)
    seconds = time.monotonic() - began

    assert len(steps) <= COMMANDS_MAX
    assert seconds <= SECONDS_MAX
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
    (tmp_path / "tieout.toml").write_text(settings_text(database, tmp_path), encoding="utf-8")
    write_yesterday(database, tmp_path, noon)
    day, slugs = noon.date(), ("--provider", "agent_platform", "--provider", "xigs")

    swept = _run(tmp_path, Step("maria", ["day", "run", *slugs], 1)).stdout
    proposed = _run(
        tmp_path, Step("maria", shlex.split("breaks bulk propose --yes --reason r"), 1)
    )

    assert f"→ tieout breaks list --day {day}\n" in swept
    assert f"→ tieout day prepare {day} {' '.join(slugs)}" in swept
    assert re.search(rf"^xigs {day}: run run-[0-9a-f]{{20}}$", swept, re.MULTILINE)
    assert "→ tieout breaks bulk approve --expect" in proposed.stdout


def _run(folder: Path, step: Step) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")}
    return subprocess.run(
        [sys.executable, "-m", "ops", *step.words],
        cwd=folder,
        env={
            **environment,
            "TIEOUT_CONFIG": str(folder / "tieout.toml"),
            "TIEOUT_TOKEN": token_of(step.person),
            "PYTHONPATH": str(DOCUMENT.parents[1]),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )


def _rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_script_is_found_in_the_page() -> None:
    assert {step.person for step in script()} == {"maria", "jonas"}
