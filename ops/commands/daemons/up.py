"""``tieout up``: run everything on this machine in the foreground and keep it running."""

import http.client
import os
import signal
import socket
import sys
import threading
from functools import partial
from types import FrameType
from typing import Annotated

import structlog
import typer

from ops.commands.identity import os_user, register_first_admin_at
from ops.commands.limits import set_up_limits_at
from ops.commands.setup.migrate import migrate_database
from ops.context import Context, context_of
from ops.engines import servers
from ops.engines.data_directory import open_data_directory
from ops.engines.pid_file import PidBoard, supervising
from ops.engines.role_urls import receiver_url, require_roles, role_urls
from ops.engines.server_checks import check_broker
from ops.engines.server_keeper import EngineKeeper
from ops.engines.servers import Endpoints
from ops.runtime import logs
from ops.runtime.supervisor import Program, Supervisor
from ops.settings.model import EMBEDDED, ReceiverSettings, Settings
from ops.settings.sections.console import console_url
from ops.settings.sections.metrics import metrics_url
from ops.settings.values import unset_secrets_of
from vocabulary.errors import Unavailable
from webhooks.process_header import PROCESS

#: Seconds for a worker or scheduler to finish its message after SIGTERM.
GRACE_S = 15.0
#: Seconds between two readiness checks of the receiver.
READY_EVERY_S = 0.05
log = structlog.get_logger()


def up(
    ctx: typer.Context,
    *,
    receivers: Annotated[int | None, typer.Option(min=1, max=256, help="Receivers.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Workers.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Receiver's port.")] = None,
) -> None:
    """Run servers, receivers, workers, scheduler, console until SIGTERM; restart what dies."""
    logs.configure(role="supervisor")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the supervisor's own
    context = context_of(ctx)
    settings = _with_options(context.settings, receivers, workers, port)
    settings = _with_free_ports(settings)
    home = open_data_directory(context.data_dir)
    with supervising(home) as board:
        before = servers.status(home.root)
        try:
            endpoints = servers.ensure_running(home.root, settings)
            check_broker(endpoints.broker_url)
            migrate_database(endpoints.migration_url, settings.exponents)
            register_first_admin_at(endpoints.database_url)
            set_up_limits_at(endpoints.database_url, settings, by=os_user())
            code = _supervise(context, settings, endpoints, board)
        finally:
            servers.stop(home.root, sparing=before)
    raise typer.Exit(code)


def programs(context: Context, settings: Settings, endpoints: Endpoints) -> list[Program]:
    """The child processes, in the order in which they stop: workers outlive the receivers."""
    env = {**os.environ, **_overrides(settings, endpoints)}
    config = ["--config", str(context.config.resolve())] if context.config else []
    data = ["--data", str(context.data_dir.resolve())]
    command = [sys.executable, "-m", "ops", *config, *data]
    drain = settings.receiver.drain_delay + settings.receiver.drain_timeout
    drain_s = drain.total_seconds() + 5
    # Dramatiq ends a whole family when one of its processes dies: one process to a family.
    posting = [*command, "worker", "--processes", "1"]
    receiver = Program(name="receiver", argv=[*command, "receiver"], env=env, grace_s=drain_s)
    pages = Program(name="console", argv=[*command, "console"], env=env, grace_s=GRACE_S)
    patience_s = settings.workers.stuck_after.total_seconds()
    run = context.data_dir.resolve() / "run"

    def watched(name: str, argv: list[str], number: int) -> Program:
        heartbeat = run / f"{name}-{number}.pulse"
        return Program(
            name=name,
            argv=[*argv, "--pulse", str(heartbeat)],
            env=env,
            grace_s=GRACE_S,
            heartbeat=heartbeat,
            heartbeat_s=patience_s,
        )

    return [
        *([pages] if _can_serve_pages(settings, endpoints) else []),
        *[receiver] * settings.receiver.processes,
        watched("scheduler", [*command, "scheduler"], 0),
        *[watched("worker", posting, n) for n in range(settings.workers.processes)],
    ]


def _can_serve_pages(settings: Settings, endpoints: Endpoints) -> bool:
    """Whether the console finds its roles and its secret; callbacks do not need them."""
    for problem in unset_secrets_of(settings.console.oidc, "console.oidc"):
        log.warning("console_not_started", why=problem)
        return False
    try:
        require_roles(role_urls(settings, endpoints.database_url))
    except Unavailable as error:
        log.warning("console_not_started", why=str(error))
        return False
    return True


def _with_options(
    settings: Settings, receivers: int | None, workers: int | None, port: int | None
) -> Settings:
    receiver_options = {"processes": receivers, "port": port}
    worker_options = {"processes": workers}
    return settings.model_copy(
        update={
            "receiver": settings.receiver.model_copy(update=_set_only(receiver_options)),
            "workers": settings.workers.model_copy(update=_set_only(worker_options)),
        }
    )


def _with_free_ports(settings: Settings) -> Settings:
    """Check that the ports are free, and choose one where the settings say 0.

    Receivers share a port silently, even with those of another data directory, which would
    split the callbacks between two ledgers.
    """
    receiver, metrics, console = settings.receiver, settings.metrics, settings.console
    settings = _with_options(
        settings, None, None, _free_port("receiver", receiver.host, receiver.port)
    )
    console_port = {"port": _free_port("console", console.host, console.port)}
    settings = settings.model_copy(update={"console": console.model_copy(update=console_port)})
    if metrics.port is None:
        return settings
    port = {"port": _free_port("metrics", metrics.host, metrics.port)}
    return settings.model_copy(update={"metrics": metrics.model_copy(update=port)})


def _free_port(section: str, host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise Unavailable(
                f"{section}.port {port} on {host} cannot be listened on: {error.strerror}"
            ) from error
        return int(trial.getsockname()[1])


def _set_only(options: dict[str, int | None]) -> dict[str, int]:
    return {name: value for name, value in options.items() if value is not None}


def _overrides(settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """Environment variables for what the children cannot read from the settings file."""
    variables = {
        "TIEOUT_DATABASE__URL": endpoints.database_url,
        "TIEOUT_BROKER__URL": endpoints.broker_url,
        "TIEOUT_RECEIVER__PORT": str(settings.receiver.port),
        "TIEOUT_CONSOLE__PORT": str(settings.console.port),
    }
    if settings.database.url == EMBEDDED:  # the children see a URL, which may be anybody's
        urls = role_urls(settings, endpoints.database_url)
        variables["TIEOUT_RECEIVER__DATABASE_URL"] = receiver_url(
            settings, endpoints.database_url
        )
        variables["TIEOUT_CONSOLE__READ_URL"] = urls.reader
        variables["TIEOUT_CONSOLE__WRITE_URL"] = urls.writer
    port = settings.metrics.port
    return variables if port is None else {**variables, "TIEOUT_METRICS__PORT": str(port)}


def _supervise(
    context: Context, settings: Settings, endpoints: Endpoints, board: PidBoard
) -> int:
    children = programs(context, settings, endpoints)
    supervisor = Supervisor(children, on_change=board.post)
    keeper = EngineKeeper(
        context.data_dir,
        settings,
        on_change=board.post,
        on_hopeless=lambda: supervisor.request_stop(3),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.request_stop())
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, partial(_forward, supervisor, number))
    stopping = threading.Event()
    announcer = threading.Thread(target=_announce_ready, args=(settings, supervisor, stopping))
    announcer.start()
    if EMBEDDED in {settings.database.url, settings.broker.url}:
        keeper.start()
    try:
        return supervisor.run()
    finally:
        stopping.set()
        announcer.join()
        if keeper.is_alive():
            keeper.stop()


def _forward(
    supervisor: Supervisor, number: signal.Signals, _number: int, _frame: FrameType | None
) -> None:
    """Have the receivers reload, or log more or less."""
    supervisor.forward(number, "receiver")


def _announce_ready(
    settings: Settings, supervisor: Supervisor, stopping: threading.Event
) -> None:
    """Print "ready" once our receivers take callbacks, and the URLs of console and metrics."""
    metrics = settings.metrics
    while not stopping.is_set():
        if _is_ready(settings.receiver, supervisor):
            typer.echo("ready")
            if metrics.port is not None:
                typer.echo(f"metrics {metrics_url(metrics.host, metrics.port)}")
            if supervisor.pids("console") != []:
                typer.echo(f"console {console_url(settings.console)}")
            return
        stopping.wait(READY_EVERY_S)


def _is_ready(receiver: ReceiverSettings, supervisor: Supervisor) -> bool:
    """Whether all receivers run and one of them is ready: the port may be another program's."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(receiver.host, receiver.host)  # noqa: S104 - not a bind
    connection = http.client.HTTPConnection(near, receiver.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    ours = [str(pid) for pid in supervisor.pids("receiver") or ()]
    return response.status == 200 and response.getheader(PROCESS, "") in ours
