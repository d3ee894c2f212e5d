"""``make dialect``: another dialect in a copy of the tree, which works with no other edit."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.tools.new_dialect import TEMPLATES, NameRefused, new_dialect
from tests.meta.tree import ROOT, packages

NAME = "fifth_house"
SLUG = "house"
#: The tests of all dialects, of which those about the new one are run.
ABOUT_EVERY_DIALECT = (
    "tests/contract",
    "tests/unit/providers/test_documents.py",
    "tests/unit/ops/settings/test_api.py",
    "tests/unit/simulator/test_conformance_catalogue.py",
    "tests/property/ledger/test_simulator_agrees_with_ledger.py",
)
PATIENCE_S = 60

SETTINGS = """
mode = "test"
[receiver]
port = {port}
[breaks]
ask_every = "100ms"
[[providers]]
slug = "house"
dialect = "fifth_house"
currency = "USD"
secrets = ["literal:shared"]
[providers.api]
base_url = "http://127.0.0.1:{api_port}/fifth_house"
key = "literal:demo-fifth_house-secret"
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree without the new dialect."""
    tree = tmp_path_factory.mktemp("bare")
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    for folder in (*packages(), "benchmarks", "tests", "docs"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


@pytest.fixture(scope="module")
def tree(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the new dialect, made as a person makes it."""
    tree = tmp_path_factory.mktemp("made") / "tree"
    shutil.copytree(bare, tree)
    made = python(tree, "-m", "ops.tools.new_dialect", NAME)
    assert made.returncode == 0, made.stderr
    assert f"providers/{NAME}/parse.py" in made.stdout
    return tree


def python(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=tree, capture_output=True, text=True, timeout=280
    )


def test_the_new_dialect_keeps_every_rule_of_all_dialects(tree: Path) -> None:
    own = f"tests/integration/providers/test_{NAME}_api.py"
    ran = python(
        tree,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *ABOUT_EVERY_DIALECT,
        own,
        "-k",
        NAME,
    )

    assert ran.returncode == 0, ran.stdout
    count = int(ran.stdout.rsplit(" passed", 1)[0].rsplit(maxsplit=1)[-1])
    assert count > 300


def test_the_new_dialect_keeps_the_house_rules(tree: Path) -> None:
    checks = (
        ("-m", "ruff", "check", "--no-cache", "."),
        ("-m", "ruff", "format", "--check", "--no-cache", "."),
        (
            "-m",
            "mypy",
            f"providers/{NAME}",
            f"simulator/systems/{NAME}",
            "tests/harness/dialects",
        ),
    )
    for words in checks:
        ran = python(tree, *words)
        assert ran.returncode == 0, ran.stdout
    linted = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert linted.returncode == 0, linted.stdout


def test_nothing_but_new_files_is_written(tree: Path, bare: Path) -> None:
    before = {path.relative_to(bare): path for path in files(bare)}
    after = {path.relative_to(tree): path for path in files(tree)}

    changed = [
        path
        for path, original in before.items()
        if after[path].read_bytes() != original.read_bytes()
    ]
    new = sorted(str(path) for path in after.keys() - before.keys())
    templates = [path for path in TEMPLATES.rglob("*") if path.is_file()]
    assert changed == []
    assert len(new) == len(templates)
    assert [path for path in new if NAME not in path] == []


def files(tree: Path) -> Iterator[Path]:
    for folder in (*packages(), "benchmarks", "tests", "docs"):
        for path in (tree / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


class Running:
    """The new dialect's receiver, workers and scheduler in its tree, and commands on them."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.tree = tree
        self.port, self.api_port = free_port(), free_port()
        self._config = folder / "tieout.toml"
        self._config.write_text(SETTINGS.format(port=self.port, api_port=self.api_port))
        self._data = folder / "data"

    def words(self, *words: str) -> list[str]:
        place = ["--config", str(self._config), "--data", str(self._data)]
        return [sys.executable, "-m", "ops", *place, *words]

    def json(self, *words: str, code: int = 0) -> Any:
        ran = python(self.tree, *self.words(*words, "--json")[1:])
        assert ran.returncode == code, ran.stdout + ran.stderr
        return json.loads(ran.stdout)

    @contextmanager
    def child(self, log: Path, ready: str, *words: str) -> Iterator[Path]:
        """A command in the background that has said ``ready``; its standard output."""
        output = log.with_suffix(".out")
        with output.open("w") as out, log.open("w") as errors:
            process = subprocess.Popen(
                self.words(*words), cwd=self.tree, stdout=out, stderr=errors
            )
        try:
            deadline = time.monotonic() + PATIENCE_S
            while ready not in output.read_text() + log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield output
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_it_is_examined_simulated_pulled_reconciled_and_asked(
    tree: Path, tmp_path: Path
) -> None:
    running = Running(tree, tmp_path)
    with running.child(tmp_path / "up.log", "ready", "up"):
        report = running.json("provider", "conformance", SLUG, "--seed", "1")
        assert (report["failed"], report["dialect"]) == (0, NAME)
        assert report["passed"] >= 35

        words = ("simulate", "--count", "400", "--faults", "9", "--seed", "2", "--json")
        served = f"{NAME}: http"
        serve_api = ("--serve-api", str(running.api_port))
        with running.child(tmp_path / "api.log", served, *words, *serve_api) as output:
            simulation = json.loads(output.read_text())
            assert simulation["mismatched"] == 0
            assert len(simulation["faults"]) > 9
            launch_and_pull(running)
            reconcile_and_ask(running, simulation)


def launch_and_pull(running: Running) -> None:
    assert running.json("provider", "check", SLUG)["verdict"] == "ok"
    games = running.json("games", "list", "--provider", SLUG)
    game, player = games[0]["game_id"], ("--player", "s2-p00000")
    opened = running.json("games", "open", "--provider", SLUG, *player, "--game", game)
    assert opened["url"].startswith(f"https://play.example.com/{game}?session=")
    (feed,) = running.json("feed", "pull", "--provider", SLUG)["feeds"]
    assert (feed["feed"], feed["error"], feed["unreadable"]["count"]) == (
        "transactions",
        None,
        0,
    )
    assert feed["stored"] > 100


def reconcile_and_ask(running: Running, simulation: Any) -> None:
    # Instants are reported in milliseconds, so the window begins with a whole second.
    start, end = (datetime.fromisoformat(simulation["window"][edge]) for edge in ("from", "to"))
    window = (start.replace(microsecond=0), end + timedelta(seconds=1))
    span = ("--from", window[0].isoformat(), "--to", window[1].isoformat())
    words = ("reconcile", "--provider", SLUG, *span, "--maturity", "0s")
    breaks = running.json(*words, code=1)["breaks"]

    # A record that a pull lists twice is one record; only a file's line is a duplicate.
    assert sorted((one["kind"], one["round_key"]) for one in breaks) == sorted(
        (fault["kind"], fault["round_id"])
        for fault in simulation["faults"]
        if fault["kind"] != "duplicate_at_provider"
    )
    dropped = next(one["id"] for one in breaks if one["kind"] == "missing_at_provider")
    restaked = next(one["id"] for one in breaks if one["kind"] == "stake_mismatch")
    assert answer(running, dropped) == "unknown"
    assert answer(running, restaked) == "confirmed"


def answer(running: Running, break_id: str) -> str:
    """What the provider says about a break, once a worker has asked it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        evidence = running.json("breaks", "evidence", break_id)
        if evidence["answer"] is not None:
            return str(evidence["answer"])
        time.sleep(0.2)
    raise AssertionError("no worker asked the provider")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "a name of small letters"),
        ("Fifth", "a name of small letters"),
        ("../fifth", "a name of small letters"),
        ("class", "a name of small letters"),
        ("sportsbook", "something called sportsbook"),
        ("outbound", "something called outbound"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    bare: Path, name: str, why: str
) -> None:
    before = {path: path.read_bytes() for path in files(bare)}

    with pytest.raises(NameRefused, match=why):
        new_dialect(bare, name)

    assert {path: path.read_bytes() for path in files(bare)} == before


def test_it_is_run_in_a_checkout_only(tmp_path: Path) -> None:
    with pytest.raises(NameRefused, match="a checkout is expected"):
        new_dialect(tmp_path, NAME)
