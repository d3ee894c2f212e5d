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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ops import embedded, leash
from ops.context import Context, endpoints
from ops.settings import Settings, demo_settings
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid, TieoutError, Unavailable

app = typer.Typer(add_completion=False)

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


@app.command()
def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("demo-out"),
    count: Annotated[int, typer.Option(min=100, help="Callbacks to deliver.")] = 4000,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything.")] = 1,
    faults: Annotated[int, typer.Option(min=0, help="History rounds to falsify.")] = 30,
) -> None:
    """Run the pipeline with injected faults; exit 1 unless exactly those are found."""
    signal.signal(signal.SIGTERM, _stop)
    stage = prepare(out)
    try:
        with _running(stage):
            evidence = _play(stage, count=count, seed=seed, faults=faults)
    finally:
        embedded.stop(stage.data)
    result = result_of(evidence)
    path = stage.folder / "result.json"
    path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    _print(result, evidence, stage)
    raise typer.Exit(0 if result["as_expected"] else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the commands of one demo printed."""

    simulation: Mapping[str, Any]
    verify: Mapping[str, Any]
    reconciled: Mapping[str, Mapping[str, Any]]
    entries: int
    reports: Sequence[str]


class StepFailed(TieoutError):
    """A command of the demo did not end as it must."""


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def prepare(out: Path) -> Stage:
    """An empty folder with the demo's settings; what a former demo left is removed.

    Raises:
        SettingsInvalid: the folder holds something that no demo made.
    """
    folder = out.resolve()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise SettingsInvalid([f"--out {out}: an empty folder, or a former demo's"])
        embedded.stop(folder / "data")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    stage = Stage(folder=folder, settings=demo_settings(), port=_free_port())
    stage.config.write_text(_settings_text(stage), encoding="utf-8")
    return stage


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _settings_text(stage: Stage) -> str:
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
    return "\n".join(lines) + "\n"


@contextmanager
def _running(stage: Stage) -> Iterator[None]:
    """``tieout up`` as a child that is ready, and gone afterwards, whatever happens."""
    me = [sys.executable, str(leash.__file__), str(os.getpid())]
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


def _play(stage: Stage, *, count: int, seed: int, faults: int) -> Evidence:
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
        entries=entries,
        reports=[path for files in reports.values() for path in files],
    )


def _reconcile(stage: Stage, slug: str, window: tuple[datetime, datetime]) -> Mapping[str, Any]:
    begin, end = (instant.isoformat() for instant in window)
    words = ("reconcile", "--provider", slug, "--from", begin, "--to", end)
    return _json(stage, *words, "--maturity", "0s", "--json", finding_allowed=True)


def _run(stage: Stage, *words: str, finding_allowed: bool = False) -> str:
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


def _json(stage: Stage, *words: str, finding_allowed: bool) -> Mapping[str, Any]:
    printed = _run(stage, *words, finding_allowed=finding_allowed)
    try:
        document = json.loads(printed)
    except ValueError as error:
        raise StepFailed(f"`tieout {' '.join(words)}` printed no JSON") from error
    assert isinstance(document, dict)
    return document


def _wait_settled(stage: Stage) -> int:
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


Named = tuple[str, str, str, str, str]


def _injected(evidence: Evidence) -> list[Named]:
    return sorted(_named(one, one["provider"]) for one in evidence.simulation["faults"])


def _found(evidence: Evidence) -> list[Named]:
    return sorted(
        _named({**one, "round_id": one["round_key"]}, slug)
        for slug, run in evidence.reconciled.items()
        for one in run["breaks"]
    )


def _named(one: Mapping[str, str], provider: str) -> Named:
    return provider, one["kind"], one["round_id"], one["currency"], one["difference"]


def result_of(evidence: Evidence) -> dict[str, Any]:
    """What the seed decides, and nothing else: no instants, no run ids, no batch counts."""
    injected, found = _injected(evidence), _found(evidence)
    simulation = evidence.simulation
    return {
        **{name: simulation[name] for name in _DECIDED_BY_SEED},
        "history": simulation["history"],
        "verify": {
            "clean": evidence.verify["clean"],
            "wrong": {one["name"]: one["wrong"] for one in evidence.verify["checks"]},
        },
        "reconciled": {
            slug: {name: run[name] for name in ("matched", "timing", "conserved")}
            | {side: run[side] for side in ("ours", "theirs")}
            for slug, run in evidence.reconciled.items()
        },
        "injected": [list(one) for one in injected],
        "found": [list(one) for one in found],
        "as_expected": injected == found
        and evidence.verify["clean"]
        and simulation["mismatched"] == 0
        and simulation["history"]["unacknowledged"] == 0
        and all(run["conserved"] for run in evidence.reconciled.values()),
    }


_DECIDED_BY_SEED = (
    "seed",
    "players",
    "callbacks",
    "accepted",
    "declined",
    "repeated",
    "conflicts",
    "refused",
    "balances",
    "closing_balances",
    "mismatched",
)


def _print(result: Mapping[str, Any], evidence: Evidence, stage: Stage) -> None:
    console = Console()
    summary = Table("what", "figure", title="tieout demo")
    summary.columns[1].justify = "right"
    for name, figure in _summary(result, evidence):
        summary.add_row(name, figure)
    console.print(summary)
    console.print(_faults_table(result["injected"], result["found"]))
    for one in evidence.simulation["mismatches"]:
        console.print(f"unexpected answer: {one}")
    tables = [path for path in evidence.reports if path.endswith(".csv")]
    for path in evidence.reports:
        if path not in tables:
            console.print(f"report: {path}", soft_wrap=True, highlight=False)
    console.print(f"beside them {len(tables)} tables as CSV")
    console.print(f"result: {stage.folder / 'result.json'}", soft_wrap=True, highlight=False)
    console.print("as expected" if result["as_expected"] else "NOT AS EXPECTED")


def _summary(result: Mapping[str, Any], evidence: Evidence) -> list[tuple[str, str]]:
    matched = sum(run["matched"] for run in result["reconciled"].values())
    timing = sum(sum(run["timing"].values()) for run in result["reconciled"].values())
    return [
        ("callbacks delivered", f"{result['callbacks']:,}"),
        ("callbacks accepted", f"{result['accepted']:,}"),
        ("unexpected answers", f"{result['mismatched']:,}"),
        ("entries posted", f"{evidence.entries:,}"),
        ("ledger verify", "clean" if result["verify"]["clean"] else "NOT CLEAN"),
        ("rounds matched", f"{matched:,}"),
        ("rounds in timing", f"{timing:,}"),
        ("faults injected", f"{len(result['injected']):,}"),
        ("breaks found", f"{len(result['found']):,}"),
    ]


def _faults_table(injected: Sequence[list[str]], found: Sequence[list[str]]) -> Table:
    table = Table("provider", "kind", "injected", "found", "", title="faults and breaks")
    counted = [Counter((one[0], one[1]) for one in side) for side in (injected, found)]
    for provider, kind in sorted(counted[0] | counted[1]):
        sides = [
            {tuple(one) for one in side if (one[0], one[1]) == (provider, kind)}
            for side in (injected, found)
        ]
        mark = "same" if sides[0] == sides[1] else "DIFFERENT"
        table.add_row(provider, kind, *(str(c[provider, kind]) for c in counted), mark)
    return table
