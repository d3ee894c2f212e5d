"""``tieout notify`` on the command line, and the scheduler's job in its child process."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.notify_jobs import notify_jobs
from ops.settings.loader import load
from reports.notifications.outbox import request_test
from reports.notifications.stored_rules import add_rule
from storage.engine import open_engine
from tests.harness.books.reports import fill, run
from tests.harness.servers.command_line import run_tieout
from tests.harness.servers.message_sinks import HookSink, hook_sink
from tests.harness.servers.ports import free_port
from vocabulary.clock import SystemClock

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "agg"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[[notify]]
name = "finance"
when = ["break"]
chat = {{ url = "literal:{url}" }}
"""


@pytest.fixture
def hook() -> Iterator[HookSink]:
    with hook_sink() as sink:
        yield sink


@pytest.fixture
def folder(tmp_path: Path, database: str, hook: HookSink) -> Path:
    settings = SETTINGS.format(database=database, url=hook.url.decode())
    (tmp_path / "tieout.toml").write_text(settings, "utf-8")
    return tmp_path


def test_the_scheduled_job_tells_of_breaks_and_its_status_shows_it(
    folder: Path, database: str, hook: HookSink
) -> None:
    fill(database)
    run(database)
    settings = load(folder / "tieout.toml", os.environ)
    (job,) = notify_jobs(settings, database, ChildJobs())
    job.run("slot")
    assert len(hook.requests) == 1
    result = run_tieout(folder, "notify", "status", "--json")
    (rule,) = json.loads(result.stdout)
    assert result.returncode == 0, result.stderr
    assert (rule["rule"], rule["sent"], rule["waiting"]) == ("finance", 1, 0)


def test_a_message_that_tries_a_rule_is_stored_once_and_sent_by_the_job(
    folder: Path, database: str, hook: HookSink
) -> None:
    engine, now = open_engine(database), SystemClock().now()
    with engine.begin() as connection:
        asked = [request_test(connection, "finance", by="ann", now=now) for _ in range(2)]
    engine.dispose()
    settings = load(folder / "tieout.toml", os.environ)
    (job,) = notify_jobs(settings, database, ChildJobs())
    job.run("slot")

    assert asked == [True, False]
    assert len(hook.requests) == 1


def test_a_rule_of_the_database_is_sent_over_its_channel_until_it_is_disabled(
    folder: Path, database: str, hook: HookSink
) -> None:
    fill(database)
    run(database)
    engine, now = open_engine(database), SystemClock().now()
    with engine.begin() as connection:
        for name, terms in (
            ("chosen", {"channel": "finance", "when": ["break"]}),
            ("night", {"channel": "finance", "when": ["break"]}),
            ("lost", {"channel": "gone", "when": ["break"]}),
            ("finance", {"channel": "finance", "when": ["break"]}),
        ):
            assert add_rule(connection, name, terms, by="ann", now=now)
    engine.dispose()
    by = ("--by", "ann", "--why", "a test")
    disabled = [run_tieout(folder, "notify", "disable", "night", *by) for _ in range(2)]
    refused = run_tieout(folder, "notify", "disable", "nothing", *by)
    settings = load(folder / "tieout.toml", os.environ)
    (job,) = notify_jobs(settings, database, ChildJobs())
    job.run("slot")
    tried = run_tieout(folder, "notify", "test", "night")
    result = run_tieout(folder, "notify", "rules", "--json")
    rules = {(rule["rule"], rule["source"]): rule for rule in json.loads(result.stdout)}

    assert [entry.returncode for entry in (*disabled, tried)] == [0, 0, 0]
    assert "as it was before" in disabled[1].stdout
    assert refused.returncode == 2
    assert len(hook.requests) == 3, "both rules in force, and the test message"
    assert {key: rule["in_force"] for key, rule in rules.items()} == {
        ("finance", "settings"): True,
        ("chosen", "console"): True,
        ("night", "console"): False,
        ("lost", "console"): False,
        ("finance", "console"): False,
    }
    assert "there are: finance" in rules["lost", "console"]["problem"]
    assert "the settings have a rule" in rules["finance", "console"]["problem"]


def test_a_test_message_is_sent_now(folder: Path, hook: HookSink) -> None:
    result = run_tieout(folder, "notify", "test", "finance")
    assert result.returncode == 0, result.stderr
    assert "a test message" in json.loads(hook.requests[0][1])["text"]


def test_a_test_message_that_fails_says_why(folder: Path, hook: HookSink) -> None:
    hook.status = 410
    result = run_tieout(folder, "notify", "test", "finance")
    assert result.returncode == 1
    assert "status 410; 2xx is expected" in result.stderr
    assert hook.url.decode() not in result.stderr


def test_a_test_message_to_nobody_says_where_and_what_to_do(folder: Path) -> None:
    settings = (folder / "tieout.toml").read_text("utf-8")
    port = free_port()
    gone = f'chat = {{ url = "literal:http://127.0.0.1:{port}/secret" }}'
    (folder / "tieout.toml").write_text(f"{settings.split('chat =')[0]}{gone}", "utf-8")
    result = run_tieout(folder, "notify", "test", "finance")

    assert result.returncode == 1
    place = f"127.0.0.1:{port} (literal:)"
    assert f"rule finance: cannot connect to {place}: Connection refused;" in result.stderr
    assert "then: tieout notify test finance" in result.stderr
    assert "secret" not in result.stderr


def test_a_channel_without_its_secret_stops_what_sends_and_nothing_else(folder: Path) -> None:
    settings = (folder / "tieout.toml").read_text("utf-8")
    unset = f'{settings.split("chat =")[0]}chat = {{ url = "env:NOT_SET" }}'
    (folder / "tieout.toml").write_text(unset, "utf-8")
    status = run_tieout(folder, "notify", "status")
    refused = [
        run_tieout(folder, *words)
        for words in (("notify", "test", "finance"), ("config", "check"))
    ]

    assert status.returncode == 0, status.stderr
    assert [result.returncode for result in refused] == [2, 2]
    for result in refused:
        assert (
            "notify rule finance: chat.url: expected the environment variable" in result.stderr
        )


def test_an_unknown_rule_is_answered_with_those_there_are(folder: Path) -> None:
    result = run_tieout(folder, "notify", "test", "fiannce")
    assert result.returncode == 2
    assert "there are: finance" in " ".join(result.stderr.replace("│", " ").split())
