"""``tieout scheduler``: everything that is done on time. Any number may run."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ops.context import current, endpoints

app = typer.Typer(add_completion=False)


@app.command()
def scheduler(
    ctx: typer.Context,
    *,
    pulse: Annotated[
        Path | None, typer.Option(help="A file that shows progress to a supervisor.")
    ] = None,
) -> None:
    """Find unposted batches and waiting history; pull feeds and reconcile, where asked to."""
    from ops import logs, step_signals  # noqa: PLC0415 - heavy below, and only for this command
    from ops.errands import tieout_command  # noqa: PLC0415
    from ops.schedule import keep_schedule  # noqa: PLC0415
    from storage.schema_version import require  # noqa: PLC0415

    logs.configure()
    context = current(ctx)
    step_signals.install(context.settings, os.environ)
    engines = endpoints(context)
    require(engines.database_url)
    command = tieout_command(context.data_dir, context.config)
    keep_schedule(context.settings, engines, command, pulse)
