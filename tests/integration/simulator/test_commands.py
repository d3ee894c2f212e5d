"""``tieout simulate`` and ``tieout demo`` as commands: refusals, and one whole small demo."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from ops.commands.simulation.demo import MARK, prepare
from ops.commands.simulation.demo_result import Evidence, result_of
from ops.commands.simulation.demo_settings import demo_settings
from ops.settings.loader import load
from providers.registry import DIALECTS
from simulator.systems.registry import SYSTEMS
from tests.harness.servers.forked_commands import run_command
from tests.harness.servers.ports import free_port
from tests.harness.servers.tieout_stack import TIEOUT, TieoutStack
from vocabulary.errors import SettingsInvalid

ROOT = Path(__file__).parents[3]


def _tieout(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return run_command(words, cwd=cwd, env=_environment(), timeout=280)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def test_simulating_without_providers_is_a_settings_problem(tmp_path: Path) -> None:
    done = _tieout("simulate", "--count", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert "providers: one with the dialect" in done.stderr


def test_simulating_against_nobody_says_so_and_starts_nothing(tmp_path: Path) -> None:
    stage = prepare(tmp_path / "demo")
    done = _tieout(
        *("--config", str(stage.config), "--data", str(stage.data)),
        *("simulate", "--count", "1", "--url", "http://127.0.0.1:1"),
        cwd=tmp_path,
    )
    assert done.returncode == 3
    assert "no receiver listens at http://127.0.0.1:1" in done.stderr
    assert not stage.data.exists()


def test_a_demo_folder_holds_settings_that_load_as_the_demo_settings(tmp_path: Path) -> None:
    stage = prepare(tmp_path / "demo")
    settings = load(stage.config, {})
    assert settings.receiver.port == stage.port
    assert settings.mode == "demo"
    assert [(p.slug, p.secrets[0].value) for p in settings.providers] == [
        (p.slug, p.secrets[0].value) for p in demo_settings().providers
    ]


def test_the_demo_plays_every_system_that_has_a_dialect_and_can_be_simulated() -> None:
    played = [provider.dialect for provider in demo_settings().providers]
    assert played == [name for name in sorted(SYSTEMS) if name in DIALECTS]


def test_a_former_demo_is_emptied_and_anything_else_is_left_alone(tmp_path: Path) -> None:
    former, other = tmp_path / "former", tmp_path / "other"
    prepare(former)
    (former / "old").write_text("old")
    prepare(former)
    assert not (former / "old").exists()
    assert (former / MARK).exists()
    other.mkdir()
    (other / "thesis").write_text("years of work")
    with pytest.raises(SettingsInvalid, match="an empty folder"):
        prepare(other)
    assert (other / "thesis").read_text() == "years of work"


FAULT = {
    "provider": "aggregator",
    "kind": "stake_mismatch",
    "round_id": "B1",
    "player": "p",
    "currency": "USD",
    "difference": "-0.50",
}


def _evidence(
    *, breaks: list[dict[str, str]], clean: bool = True, mismatched: int = 0
) -> Evidence:
    counts = dict.fromkeys(
        (
            *("seed", "players", "callbacks", "accepted", "declined", "repeated"),
            *("conflicts", "refused", "balances", "closing_balances"),
        ),
        1,
    )
    run: dict[str, Any] = {
        "run_id": "run-1",
        "matched": 5,
        "timing": {"ours": 0, "theirs": 0},
        "ours": {"rows": 6},
        "theirs": {"rows": 6},
        "breaks": breaks,
        "conserved": True,
    }
    return Evidence(
        simulation={
            **counts,
            "mismatched": mismatched,
            "history": {"unacknowledged": 0},
            "faults": [FAULT],
        },
        verify={"clean": clean, "checks": []},
        halves=(),
        reconciled={"aggregator": run},
        entries=10,
        reports=["report.html"],
    )


BREAK = {**FAULT, "round_key": "B1", "first_seen": "2026-06-04T09:30:00Z", "id": "brk-1"}


def test_a_demo_is_as_expected_only_when_exactly_the_injected_faults_are_found() -> None:
    assert result_of(_evidence(breaks=[BREAK]))["as_expected"]
    assert not result_of(_evidence(breaks=[]))["as_expected"]
    assert not result_of(_evidence(breaks=[BREAK, {**BREAK, "round_key": "B2"}]))["as_expected"]
    assert not result_of(_evidence(breaks=[{**BREAK, "difference": "0.50"}]))["as_expected"]


def test_a_demo_is_not_as_expected_with_unclean_books_or_unexpected_answers() -> None:
    assert not result_of(_evidence(breaks=[BREAK], clean=False))["as_expected"]
    assert not result_of(_evidence(breaks=[BREAK], mismatched=1))["as_expected"]


def test_a_demo_is_not_as_expected_when_two_windows_that_meet_tell_otherwise() -> None:
    half = {"provider": "aggregator", "conserved": True}
    told = _evidence(breaks=[BREAK])
    same = [{**half, "breaks": [BREAK]}, {**half, "breaks": [BREAK]}]
    assert result_of(replace(told, halves=same))["as_expected"]
    for breaks in ([], [BREAK, {**BREAK, "id": "brk-2"}], [{**BREAK, "difference": "0.10"}]):
        halves = [{**half, "breaks": breaks}, {**half, "breaks": []}]
        assert not result_of(replace(told, halves=halves))["as_expected"]


def test_a_result_holds_no_instants_and_no_run_ids() -> None:
    text = json.dumps(result_of(_evidence(breaks=[BREAK])))
    assert "run-1" not in text
    assert "brk-1" not in text
    assert "2026" not in text


def test_the_demo_finds_exactly_what_it_injects_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    done = _tieout(
        *("demo", "--out", str(out), "--count", "600", "--faults", "10"), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((out / "result.json").read_text())
    assert result["callbacks"] == 600
    # Ten faults in the histories, and what the callbacks themselves do to the books.
    assert len(result["injected"]) > 10
    assert result["injected"] == result["found"]
    assert {one[0] for one in result["injected"]} == set(result["reconciled"])
    assert set(result["history"]["statements"]) == set(result["reconciled"]) - {"aggregator"}
    named = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("report:")]
    assert named
    assert all(Path(path).stat().st_size > 0 for path in named)
    assert _listening(out) == []


def test_the_demo_of_a_history_without_names_finds_exactly_what_it_injects(
    tmp_path: Path,
) -> None:
    """Also in two windows that meet in the middle of the run: exit 0 says so."""
    out = tmp_path / "out"
    words = ("--count", "300", "--faults", "24", "--history-ids", "own")
    done = _tieout("demo", "--out", str(out), *words, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((out / "result.json").read_text())
    assert result["injected"] == result["found"]
    named = [one[2] for one in result["injected"] if one[0] == "aggregator"]
    assert any(name.startswith("history:") for name in named)
    assert any(not name.startswith("history:") for name in named)


def test_an_interrupted_demo_stops_everything_it_started(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ops", "demo", "--out", str(out), "--count", "100000"]
    child = subprocess.Popen(
        command, cwd=tmp_path, env=_environment(), stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("tieout simulate"):
            break
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=180)
    assert child.returncode not in {0, None}
    assert _listening(out) == []


def test_the_apis_are_served_after_the_run_until_it_is_stopped(tmp_path: Path) -> None:
    running = TieoutStack(tmp_path)
    try:
        port = free_port()
        words = [
            *("--data", str(running.data), "simulate", "--count", "60"),
            *("--url", f"http://127.0.0.1:{running.port}", "--serve-api", str(port)),
        ]
        child = subprocess.Popen(
            [*TIEOUT, *words],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stderr is not None
        urls = dict(child.stderr.readline().strip().split(": ") for _ in range(2))
        assert urls["aggregator"] == f"http://127.0.0.1:{port}/aggregator"
        key = {"x-api-key": "demo-aggregator-secret"}
        asked = Request(urls["aggregator"] + "/game/provider", headers=key)
        with urlopen(asked, timeout=100) as answer:
            assert len(json.load(answer)) == 3
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=180)
        assert child.returncode == 0
    finally:
        running.stop()


def _listening(out: Path) -> list[str]:
    """What still answers: the receiver's port and the engines' sockets."""
    port = load(out / "tieout.toml", {}).receiver.port
    found = [str(path) for path in out.rglob("*.sock*") if path.is_socket()]
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            found.append(f"port {port}")
    return found
