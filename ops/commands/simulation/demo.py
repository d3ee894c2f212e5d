"""``tieout demo``: the whole pipeline on this machine, from an empty folder to a report.

Every step runs the command that a person would type, as a process of its own; this module only
waits in between. The result file holds no instants and no run ids, so that the same seed gives
the same bytes.
"""

import contextlib
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
from sqlalchemy import text

from ops.commands.simulation.demo_result import Evidence, result_of, show
from ops.commands.simulation.demo_settings import demo_settings
from ops.context import Context, endpoints
from ops.engines import servers
from ops.runtime import parent_death
from ops.settings.model import Settings
from storage.transactions import engine_at
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid, TieoutError, Unavailable
from vocabulary.plurals import counted

#: Marks a folder that a demo made and may therefore empty.
MARK = ".tieout-demo"
#: The people of the demo with their roles: one proposes, the other approves.
PEOPLE = (("maria", "finance"), ("jonas", "approver"))
#: With which they sign in to the demo's console, which listens on the loopback only.
DEMO_PASSWORD = "both sides tie out"  # noqa: S105 - of a demonstration
#: Longest waits, in seconds: for ``up`` to be ready, for work to be done, for ``up`` to stop.
READY_WAIT_S = 180.0
SETTLED_WAIT_S = 60.0
STOP_WAIT_S = 40.0
#: Seconds between two checks for unposted work.
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
    """Whose ids the records of a pushed history carry."""

    BETS = "bets"
    OWN = "own"


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("demo-out"),
    count: Annotated[int, typer.Option(min=100, help="Callbacks to deliver.")] = 4000,
    seed: Annotated[int, typer.Option(min=0, help="Decides all that is sent.")] = 1,
    faults: Annotated[int, typer.Option(min=0, help="History rounds to falsify.")] = 30,
    history_ids: Annotated[
        HistoryIds, typer.Option(help="Whose ids the pushed history has.")
    ] = HistoryIds.BETS,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then keep it running, with the web console.")
    ] = False,
) -> None:
    """Run the whole pipeline with planted faults; exit 1 unless exactly those are found."""
    signal.signal(signal.SIGTERM, _stop)
    setup = prepare(out, own_ids=history_ids is HistoryIds.OWN)
    try:
        with _running(setup):
            evidence = _play(setup, count=count, seed=seed, faults=faults)
            is_as_expected = _show_result(setup, evidence)
            if serve:
                serve_console(setup)
    finally:
        servers.stop(setup.data)
    raise typer.Exit(0 if is_as_expected else 1)


def _show_result(setup: "DemoSetup", evidence: Evidence) -> bool:
    """Write and print what was found; returns whether it is what was planted."""
    result = result_of(evidence)
    path = setup.folder / "result.json"
    path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    show(result, evidence, path)
    return bool(result["as_expected"])


def serve_console(setup: "DemoSetup") -> None:
    """Give the demo's people a password, print where to sign in, and wait for Ctrl-C."""
    names = [name for name, _ in PEOPLE]
    for name in names:
        _run(setup, "user", "password", name, "--stdin", stdin=f"{DEMO_PASSWORD}\n")
    today = SystemClock().now().date()
    typer.echo(f"console: http://127.0.0.1:{setup.console_port}/?day={today}")
    typer.echo(f'sign in as {" or ".join(names)} with "{DEMO_PASSWORD}"; Ctrl-C ends it')
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSetup:
    """The folder, settings and ports of a demo."""

    folder: Path
    settings: Settings
    port: int
    console_port: int

    @property
    def data(self) -> Path:
        """The engines' data directory."""
        return self.folder / "data"

    @property
    def config(self) -> Path:
        """The settings file the demo's commands read."""
        return self.folder / "tieout.toml"

    def command(self, *words: str) -> list[str]:
        """A tieout command line with the demo's settings and data."""
        place = ["--config", str(self.config), "--data", str(self.data)]
        return [sys.executable, "-m", "ops", *place, *words]


class StepFailed(TieoutError):
    """A command of the demo did not end as it must."""


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def prepare(out: Path, *, own_ids: bool = False) -> DemoSetup:
    """Prepare an empty folder with the demo's settings; remove a former demo's files.

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
    setup = DemoSetup(
        folder=folder,
        settings=demo_settings(own_ids=own_ids),
        port=_free_port(),
        console_port=_free_port(),
    )
    setup.config.write_text(_settings_text(setup), encoding="utf-8")
    return setup


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _settings_text(setup: DemoSetup) -> str:
    lines = [f'mode = "{setup.settings.mode}"', "[receiver]", f"port = {setup.port}"]
    lines += ["[console]", f"port = {setup.console_port}"]
    for provider in setup.settings.providers:
        secrets = [f"literal:{secret.value.decode()}" for secret in provider.secrets]
        lines += [
            "[[providers]]",
            f'slug = "{provider.slug}"',
            f'dialect = "{provider.dialect}"',
            f'currency = "{provider.currency}"',
            f"secrets = {json.dumps(secrets)}",
        ]
        if provider.options:
            options = (
                f"{name} = {json.dumps(value)}" for name, value in provider.options.items()
            )
            lines += ["[providers.options]", *options]
    return "\n".join(lines) + "\n"


@contextmanager
def _running(setup: DemoSetup) -> Iterator[None]:
    """Run ``tieout up`` as a child process: ready inside the block, stopped after it."""
    me = [sys.executable, str(parent_death.__file__), str(os.getpid())]
    log = setup.folder / "up.log"
    with log.open("w", encoding="utf-8") as errors:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [*me, *setup.command("up")],
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


def _play(setup: DemoSetup, *, count: int, seed: int, faults: int) -> Evidence:
    """Run every step from the first callback to the report."""
    _register_people(setup)
    began = SystemClock().now()
    statements = setup.folder / "statements"
    journal = setup.folder / "journal.jsonl"
    simulation = _json(
        setup,
        *("simulate", "--count", str(count), "--seed", str(seed), "--faults", str(faults)),
        *("--statements", str(statements), "--journal", str(journal), "--json"),
        finding_allowed=True,
    )
    for slug, statement in simulation["history"]["statements"].items():
        _run(setup, "feed", "import", str(statements / statement["file"]), "--provider", slug)
    entries = _wait_settled(setup)
    verify = _json(setup, "ledger", "verify", "--json", finding_allowed=True)
    window = (began - MARGIN, SystemClock().now() + MARGIN)
    halves = _halves(setup, simulation, window)
    reconciled = {
        provider.slug: _reconcile(setup, provider.slug, window)
        for provider in setup.settings.providers
    }
    folder = str(setup.folder / "reports")
    reports = _json(setup, "report", "--all", "--out", folder, "--json", finding_allowed=False)
    return Evidence(
        simulation=simulation,
        verify=verify,
        reconciled=reconciled,
        halves=halves,
        entries=entries,
        reports=[path for files in reports.values() for path in files],
    )


def _register_people(setup: DemoSetup) -> None:
    """Register two people beside the administrator: one proposes, the other approves."""
    for name, role in PEOPLE:
        _run(setup, "user", "add", name, "--role", role)


def _halves(
    setup: DemoSetup, simulation: Mapping[str, Any], window: tuple[datetime, datetime]
) -> list[Mapping[str, Any]]:
    """For a history without our round ids: two windows that meet in the middle of the run."""
    unnamed = [provider.slug for provider in setup.settings.providers if provider.options]
    span = simulation["window"]
    start, end = (datetime.fromisoformat(span[edge]) for edge in ("from", "to"))
    middle = start + (end - start) / 2
    return [
        _reconcile(setup, slug, half)
        for slug in unnamed
        for half in ((window[0], middle), (middle, window[1]))
    ]


def _reconcile(
    setup: DemoSetup, slug: str, window: tuple[datetime, datetime]
) -> Mapping[str, Any]:
    begin, end = (instant.isoformat() for instant in window)
    words = ("reconcile", "--provider", slug, "--from", begin, "--to", end)
    return _json(setup, *words, "--maturity", "0s", "--json", finding_allowed=True)


def _run(
    setup: DemoSetup, *words: str, finding_allowed: bool = False, stdin: str | None = None
) -> str:
    """Run one command and return what it printed.

    Raises:
        StepFailed: it ended with another code than 0, or 1 where a finding is allowed.
    """
    typer.echo(f"tieout {' '.join(words[:2])} …", err=True)
    done = subprocess.run(  # noqa: S603 - our own command
        setup.command(*words), stdout=subprocess.PIPE, text=True, check=False, input=stdin
    )
    if done.returncode not in ((0, 1) if finding_allowed else (0,)):
        raise StepFailed(f"`tieout {' '.join(words)}` ended with {done.returncode}")
    return done.stdout


def _json(setup: DemoSetup, *words: str, finding_allowed: bool) -> Mapping[str, Any]:
    printed = _run(setup, *words, finding_allowed=finding_allowed)
    try:
        document = json.loads(printed)
    except ValueError as error:
        raise StepFailed(f"`tieout {' '.join(words)}` printed no JSON") from error
    assert isinstance(document, dict)
    return document


def _wait_settled(setup: DemoSetup) -> int:
    """Wait until every batch is posted and all history taken in; returns the entries written.

    Raises:
        StepFailed: something was parked, or it took too long.
    """
    context = Context(config=setup.config, data_dir=setup.data)
    pause = threading.Event()
    with engine_at(endpoints(context).database_url) as engine:
        for _ in range(int(SETTLED_WAIT_S / LOOK_EVERY_S)):
            with engine.connect() as connection:
                batches, records, parked, entries = connection.execute(text(_UNSETTLED)).one()
            if parked:
                raise StepFailed(
                    f"{counted(parked, 'piece of work is', 'pieces of work are')} parked"
                )
            if not batches and not records:
                return int(entries)
            pause.wait(LOOK_EVERY_S)
    raise StepFailed(f"work is still waiting after {SETTLED_WAIT_S:.0f} s")
