"""``tieout down``: stop what runs in the data directory."""

import signal

import typer

from ops.context import context_of
from ops.engines import server_process, servers
from ops.engines.pid_file import supervisor_of

#: Longest wait for a supervisor to stop its children, in seconds.
STOP_WAIT_S = 60.0


def down(ctx: typer.Context) -> None:
    """Stop the supervisor and the embedded servers of the data directory in order."""
    data_dir = context_of(ctx).data_dir
    supervisor = supervisor_of(data_dir)
    if supervisor is not None:
        server_process.send(supervisor, signal.SIGTERM)
        server_process.wait_gone(supervisor, timeout_s=STOP_WAIT_S)
    servers.stop(data_dir)
    typer.echo(f"nothing runs in {data_dir.resolve()}")
