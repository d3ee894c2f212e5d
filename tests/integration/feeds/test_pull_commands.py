"""``tieout feed pull``: its output, what it stores, and its exit codes."""

import asyncio
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness.providers.api_server import Scripted, served
from tests.harness.providers.feed_api import (
    DELIVERY,
    SESSIONS,
    a_round,
    a_session,
    listed,
    script,
    toml_of,
)
from tests.harness.servers.command_line import run_tieout

Done = subprocess.CompletedProcess[str]
GOOD = script([listed([a_session("s-1", a_round(1))])], [listed([DELIVERY])])
BAD_ROUND = script([listed([a_session("s-1", a_round(1), a_round(2, bet=None))])])
REFUSED = {**GOOD, SESSIONS: [Scripted(status=403)]}
DOWN = {**GOOD, SESSIONS: [Scripted(status=503)]}


def tieout(folder: Path, *words: str) -> Done:
    return run_tieout(folder, *words)


def pulled(
    folder: Path, database: str, answers: Mapping[str, list[Scripted]], *words: str
) -> Done:
    async def play() -> Done:
        async with served(answers) as server:
            (folder / "tieout.toml").write_text(toml_of(server.url, database))
            return await asyncio.to_thread(
                tieout, folder, "feed", "pull", "--provider", "xigs", *words
            )

    return asyncio.run(play())


def test_a_pull_is_printed_and_the_status_shows_its_watermark(
    tmp_path: Path, database: str
) -> None:
    done = pulled(tmp_path, database, GOOD, "--json")

    assert done.returncode == 0, done.stderr
    rounds, log = json.loads(done.stdout)["feeds"]
    assert (rounds["feed"], rounds["received"], rounds["stored"]) == ("rounds", 1, 1)
    assert (log["feed"], log["received"], log["error"]) == ("deliveries", 1, None)
    assert rounds["watermark"] == rounds["window"]["to"]
    status = json.loads(tieout(tmp_path, "feed", "status", "--json").stdout)
    (health,) = [entry for entry in status if entry["provider"] == "xigs"]
    assert health["records"] == 1
    assert [(mark["feed"], mark["records"]) for mark in health["marks"]] == [
        ("deliveries", 1),
        ("rounds", 1),
    ]
    assert health["marks"][1]["watermark"] == rounds["watermark"]


@pytest.mark.parametrize(
    ("answers", "code", "message"),
    [
        (GOOD, 0, ""),
        (BAD_ROUND, 1, "xigs rounds: page 1, data[0].rounds[1]: bet: "),
        (REFUSED, 1, "xigs: GET /v1/game/session: answered 403 (1 attempt)"),
        (DOWN, 3, "xigs: GET /v1/game/session: answered 503 (1 attempt)"),
    ],
    ids=["fine", "unreadable", "refused", "down"],
)
def test_the_exit_code_and_a_sentence_report_what_went_wrong(
    tmp_path: Path,
    database: str,
    answers: Mapping[str, list[Scripted]],
    code: int,
    message: str,
) -> None:
    done = pulled(tmp_path, database, answers)

    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert message in done.stderr
    assert "canary" not in done.stderr + done.stdout
    assert "xigs deliveries: " in done.stdout


def test_an_error_is_reported_in_json_too(tmp_path: Path, database: str) -> None:
    done = pulled(tmp_path, database, DOWN, "--json")

    error: dict[str, Any] = json.loads(done.stdout)["feeds"][0]["error"]
    assert done.returncode == 3
    assert (error["kind"], error["endpoint"]) == ("ApiUnavailable", "GET /v1/game/session")
    assert (error["attempts"], error["status"]) == (1, 503)


def test_a_requested_window_never_reaches_into_the_future(
    tmp_path: Path, database: str
) -> None:
    day = ("--from", "2026-06-04", "--to", "2999-01-01", "--json")

    rounds = json.loads(pulled(tmp_path, database, GOOD, *day).stdout)["feeds"][0]

    assert rounds["window"]["from"] == "2026-06-04T00:00:00Z"
    assert rounds["window"]["to"] < "2999"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--provider", "book"), "book has no feed that could be pulled"),
        (("--provider", "silent"), "providers.silent.api: expected a table"),
        (("--provider", "nobody"), "nobody"),
        (("--provider", "xigs", "--to", "2026-06-04"), "--to needs --from"),
        (("--provider", "xigs", "--from", "someday"), "a date or instant"),
        (("--provider", "xigs", "--from", "2999-01-01"), "must end after it starts"),
    ],
)
def test_wrong_usage_exits_with_two_and_a_sentence(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    nowhere = "postgresql://tieout@/tieout?host=/nonexistent"
    (tmp_path / "tieout.toml").write_text(toml_of("http://127.0.0.1:1", nowhere))

    done = tieout(tmp_path, "feed", "pull", *words)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
