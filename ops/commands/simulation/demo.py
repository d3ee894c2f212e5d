"""``tieout demo``: the whole pipeline on this machine, from an empty folder to a report.

Every step is the command a person would type, run as a process of its own; only the waiting in
between is done here. The result file holds no instants and no run ids, so the same seed gives
the same bytes.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.commands.simulation.demo_result import Evidence, result_of, show
from ops.context import Context, endpoints
from ops.runtime import parent_death, servers
from ops.settings.model import Settings, demo_settings
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid, TieoutError, Unavailable

#: Marks a folder that a demo made and may therefore empty.
MARK = ".tieout-demo"
#: Longest waits, in seconds: for ``up`` to be ready, for work to be done, for ``up`` to stop.
READY_WAIT_S = 60.0
SETTLED_WAIT_S = 60.0
STOP_WAIT_S = 40.0
#: Seconds between two looks at what is still unposted.
LOOK_EVERY_S = 0.1
#: The window reaches this far beyond the run on either side.
MARGIN = timedelta(minutes=5)

_UNSETTLED = """
SELECT (SELECT count(*) FROM batches WHERE posted_at IS NULL),
       (SELECT count(*) FROM deliveries WHERE verdict = 'recorded' AND ingested_at IS NULL),
       (SELECT count(*) FROM parked),
       (SELECT count(*) FROM entries)
"""


class HistoryIds(StrEnum):
    """What the records of the aggregator's history are named by."""

    BETS = "bets"
    OWN = "own"


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("demo-out"),
    count: Annotated[int, typer.Option(min=100, help="Callbacks to deliver.")] = 4000,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything.")] = 1,
    faults: Annotated[int, typer.Option(min=0, help="History rounds to falsify.")] = 30,
    history_ids: Annotated[
        HistoryIds, typer.Option(help="Whose ids the aggregator's history has.")
    ] = HistoryIds.BETS,
) -> None:
    """Run the pipeline with injected faults; exit 1 unless exactly those are found."""
    signal.signal(signal.SIGTERM, _stop)
    stage = prepare(out, own_ids=history_ids is HistoryIds.OWN)
    try:
        with _running(stage):
            evidence = _play(stage, count=count, seed=seed, faults=faults)
    finally:
        servers.stop(stage.data)
    result = result_of(evidence)
    path = stage.folder / "result.json"
    path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    show(result, evidence, path)
    raise typer.Exit(0 if result["as_expected"] else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSetup:
    """Where a demo plays: its folder, its settings and its receiver's port."""

    folder: Path
    settings: Settings
    port: int

    @property
    def data(self) -> Path:
        """The engines' data directory."""
        return self.folder / "data"

    @property
    def config(self) -> Path:
        """The settings file the demo's commands read."""
        return self.folder / "tieout.toml"

    def command(self, *words: str) -> list[str]:
        """A tieout command line on this stage."""
        place = ["--config", str(self.config), "--data", str(self.data)]
        return [sys.executable, "-m", "ops", *place, *words]


class StepFailed(TieoutError):
    """A command of the demo did not end as it must."""


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def prepare(out: Path, *, own_ids: bool = False) -> DemoSetup:
    """An empty folder with the demo's settings; what a former demo left is removed.

    Raises:
        SettingsInvalid: the folder holds something that no demo made.
    """
    folder = out.resolve()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise SettingsInvalid([f"--out {out}: an empty folder, or a former demo's"])
        servers.stop(folder / "data")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    stage = DemoSetup(folder=folder, settings=demo_settings(own_ids=own_ids), port=_free_port())
    stage.config.write_text(_settings_text(stage), encoding="utf-8")
    return stage


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _settings_text(stage: DemoSetup) -> str:
    lines = [f'mode = "{stage.settings.mode}"', "[receiver]", f"port = {stage.port}"]
    for one in stage.settings.providers:
        secrets = [f"literal:{secret.value.decode()}" for secret in one.secrets]
        lines += [
            "[[providers]]",
            f'slug = "{one.slug}"',
            f'dialect = "{one.dialect}"',
            f'currency = "{one.currency}"',
            f"secrets = {json.dumps(secrets)}",
        ]
        if one.options:
            told = (f"{name} = {json.dumps(value)}" for name, value in one.options.items())
            lines += ["[providers.options]", *told]
    return "\n".join(lines) + "\n"


@contextmanager
def _running(stage: DemoSetup) -> Iterator[None]:
    """``tieout up`` as a child that is ready, and gone afterwards, whatever happens."""
    me = [sys.executable, str(parent_death.__file__), str(os.getpid())]
    log = stage.folder / "up.log"
    with log.open("w", encoding="utf-8") as errors:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [*me, *stage.command("up")],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop it in order
        )
        typer.echo("tieout up …", err=True)
        try:
            _wait_ready(child, log)
            yield
        finally:
            _end(child)


def _wait_ready(child: "subprocess.Popen[str]", log: Path) -> None:
    ready = threading.Event()
    assert child.stdout is not None
    lines = child.stdout

    def listen() -> None:
        # Reads on to the end, so that the child never waits for a full pipe.
        for line in lines:
            if line.strip() == "ready":
                ready.set()

    threading.Thread(target=listen, daemon=True).start()
    rounds = int(READY_WAIT_S / LOOK_EVERY_S)
    if not any(ready.wait(LOOK_EVERY_S) or child.poll() is not None for _ in range(rounds)):
        raise Unavailable(f"`tieout up` was not ready in {READY_WAIT_S:.0f} s; see {log}")
    if not ready.is_set():
        raise Unavailable(f"`tieout up` ended with {child.returncode}; see {log}")


def _end(child: "subprocess.Popen[str]") -> None:
    child.terminate()
    try:
        child.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _play(stage: DemoSetup, *, count: int, seed: int, faults: int) -> Evidence:
    """Every step from the first callback to the report."""
    began = SystemClock().now()
    statements = stage.folder / "statements"
    journal = stage.folder / "journal.jsonl"
    simulation = _json(
        stage,
        *("simulate", "--count", str(count), "--seed", str(seed), "--faults", str(faults)),
        *("--statements", str(statements), "--journal", str(journal), "--json"),
        finding_allowed=True,
    )
    for slug, told in simulation["history"]["statements"].items():
        _run(stage, "feed", "import", str(statements / told["file"]), "--provider", slug)
    entries = _wait_settled(stage)
    verify = _json(stage, "ledger", "verify", "--json", finding_allowed=True)
    window = (began - MARGIN, SystemClock().now() + MARGIN)
    halves = _halves(stage, simulation, window)
    reconciled = {
        provider.slug: _reconcile(stage, provider.slug, window)
        for provider in stage.settings.providers
    }
    folder = str(stage.folder / "reports")
    reports = _json(stage, "report", "--all", "--out", folder, "--json", finding_allowed=False)
    return Evidence(
        simulation=simulation,
        verify=verify,
        reconciled=reconciled,
        halves=halves,
        entries=entries,
        reports=[path for files in reports.values() for path in files],
    )


def _halves(
    stage: DemoSetup, simulation: Mapping[str, Any], window: tuple[datetime, datetime]
) -> list[Mapping[str, Any]]:
    """Where no name ties, two windows that meet in the middle of the run, while it was busy."""
    named = [one.slug for one in stage.settings.providers if one.options]
    told = simulation["window"]
    start, end = (datetime.fromisoformat(told[edge]) for edge in ("from", "to"))
    middle = start + (end - start) / 2
    return [
        _reconcile(stage, slug, half)
        for slug in named
        for half in ((window[0], middle), (middle, window[1]))
    ]


def _reconcile(
    stage: DemoSetup, slug: str, window: tuple[datetime, datetime]
) -> Mapping[str, Any]:
    begin, end = (instant.isoformat() for instant in window)
    words = ("reconcile", "--provider", slug, "--from", begin, "--to", end)
    return _json(stage, *words, "--maturity", "0s", "--json", finding_allowed=True)


def _run(stage: DemoSetup, *words: str, finding_allowed: bool = False) -> str:
    """Run one command and return what it printed.

    Raises:
        StepFailed: it ended with another code than 0, or 1 where a finding is allowed.
    """
    typer.echo(f"tieout {' '.join(words[:2])} …", err=True)
    done = subprocess.run(  # noqa: S603 - our own command
        stage.command(*words), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in ((0, 1) if finding_allowed else (0,)):
        raise StepFailed(f"`tieout {' '.join(words)}` ended with {done.returncode}")
    return done.stdout


def _json(stage: DemoSetup, *words: str, finding_allowed: bool) -> Mapping[str, Any]:
    printed = _run(stage, *words, finding_allowed=finding_allowed)
    try:
        document = json.loads(printed)
    except ValueError as error:
        raise StepFailed(f"`tieout {' '.join(words)}` printed no JSON") from error
    assert isinstance(document, dict)
    return document


def _wait_settled(stage: DemoSetup) -> int:
    """Wait until every batch is posted and all history taken in; returns the entries written.

    Raises:
        StepFailed: something was parked, or it took too long.
    """
    context = Context(config=stage.config, data_dir=stage.data)
    engine = open_engine(endpoints(context).database_url)
    pause = threading.Event()
    try:
        for _ in range(int(SETTLED_WAIT_S / LOOK_EVERY_S)):
            with engine.connect() as connection:
                batches, records, parked, entries = connection.exec_driver_sql(_UNSETTLED).one()
            if parked:
                raise StepFailed(f"{parked} pieces of work are parked")
            if not batches and not records:
                return int(entries)
            pause.wait(LOOK_EVERY_S)
    finally:
        engine.dispose()
    raise StepFailed(f"work is still waiting after {SETTLED_WAIT_S:.0f} s")
