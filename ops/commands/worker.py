"""``tieout worker``: one Dramatiq process family that posts batches and takes in history."""

import os
import sys
from typing import Annotated

import typer

from ops.context import current, endpoints

app = typer.Typer(add_completion=False)


@app.command()
def worker(
    ctx: typer.Context,
    *,
    processes: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads in each.")] = None,
) -> None:
    """Post batches and take in history, until told to stop."""
    from ops import logs  # noqa: PLC0415 - heavy below, and only for this command
    from storage.schema import require  # noqa: PLC0415

    logs.configure()
    context = current(ctx)
    engines = endpoints(context)
    require(engines.database_url)
    settings = context.settings.workers
    os.environ["TIEOUT_DATABASE__URL"] = engines.database_url
    os.environ["TIEOUT_BROKER__URL"] = engines.broker_url
    os.environ["TIEOUT_DATA"] = str(context.data_dir.absolute())
    if context.config is not None:
        os.environ["TIEOUT_CONFIG"] = str(context.config.absolute())
    arguments = [
        *("--processes", str(processes or settings.processes)),
        *("--threads", str(threads or settings.threads)),
    ]
    # This process becomes Dramatiq's own master: signals and exit codes are its own.
    python = [sys.executable, "-m", "dramatiq", "ops.worker_main", *arguments]
    os.execv(sys.executable, python)  # noqa: S606 - our own command
