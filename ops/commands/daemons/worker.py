"""``tieout worker``: one Dramatiq process family that posts batches and ingests history."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.context import context_of, endpoints
from ops.engines.database_checks import require_database
from ops.runtime import logs
from ops.runtime.dramatiq_master import BROKER_MODULE
from vocabulary.errors import Malformed


def worker(
    ctx: typer.Context,
    *,
    processes: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each process.")] = None,
    pulse: Annotated[
        Path | None, typer.Option(help="A file that shows progress; with one process only.")
    ] = None,
) -> None:
    """Post accepted batches and ingest history until SIGTERM."""
    logs.configure(role="worker")
    context = context_of(ctx)
    engines = endpoints(context)
    require_database(engines.database_url, context.settings.mode)
    settings = context.settings.workers
    processes = processes or settings.processes
    threads = threads or settings.threads
    if pulse is not None:
        _require_one_process(processes)
        os.environ["TIEOUT_PULSE"] = str(pulse.absolute())
    # Prefetched messages of a worker that dies wait for a minute, so prefetch few.
    os.environ["dramatiq_queue_prefetch"] = str(threads)  # noqa: SIM112 - Dramatiq's own name
    os.environ["TIEOUT_DATABASE__URL"] = engines.database_url
    os.environ["TIEOUT_BROKER__URL"] = engines.broker_url
    os.environ["TIEOUT_DATA"] = str(context.data_dir.absolute())
    if context.config is not None:
        os.environ["TIEOUT_CONFIG"] = str(context.config.absolute())
    arguments = [
        *("--processes", str(processes)),
        *("--threads", str(threads)),
        "--skip-logging",
    ]
    # This process becomes Dramatiq's master, which then handles signals and exit codes.
    python = [sys.executable, "-m", "ops.runtime.dramatiq_master", BROKER_MODULE, *arguments]
    os.execv(sys.executable, python)  # noqa: S606 - our own command


def _require_one_process(processes: int) -> None:
    if processes != 1:
        raise Malformed("--pulse", f"shows one process's progress, not that of {processes}")
