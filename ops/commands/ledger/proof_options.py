"""The options of ``tieout ledger verify`` and ``replay`` that decide where their parts run."""

from typing import Annotated

import typer

from ledger.proof_options import ProofOptions
from ops.runtime.processors import jobs_of
from ops.settings.model import Settings
from ops.work import Work

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        help="At most this many processes; else by the machine's processors.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--scheduler", help="Run the parts on a Dask cluster: its scheduler, tcp://HOST:PORT."
    ),
]


def proof_options(
    settings: Settings, *, jobs: int | None, scheduler: str | None
) -> ProofOptions:
    """Convert the options of the command.

    Raises:
        typer.BadParameter: options that exclude each other.
    """
    if scheduler is not None and jobs is not None:
        raise typer.BadParameter("--jobs is for this machine: a cluster has its own")
    return ProofOptions(
        jobs=jobs_of(settings, Work.PROOFS) if jobs is None else jobs, scheduler=scheduler
    )
