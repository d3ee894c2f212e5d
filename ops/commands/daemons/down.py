"""``tieout down``: stop what runs in the data directory."""

import typer

from ops.context import context_of
from ops.engines import servers
from ops.engines.pid_file import end_supervisor

#: Longest wait for a supervisor to stop its children, in seconds.
STOP_WAIT_S = 60.0


def down(ctx: typer.Context) -> None:
    """Stop the supervisor and the embedded servers of the data directory in order."""
    data_dir = context_of(ctx).data_dir
    end_supervisor(data_dir, timeout_s=STOP_WAIT_S)
    servers.stop(data_dir)
    typer.echo(f"nothing runs in {data_dir.resolve()}")
