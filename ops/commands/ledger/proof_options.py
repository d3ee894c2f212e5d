"""The options of ``tieout ledger verify`` and ``replay`` that decide where their parts run."""

from typing import Annotated

import typer

from ledger.proofs.options import ProofOptions
from ledger.proofs.progress import ProofProgress
from ops.background.processors import jobs_of
from ops.context import Context
from ops.work import Work
from storage.proofs import ProofKind

#: What proves the rows that a proof no longer reads.
OLDER_ROWS = (
    "rows of earlier months left for archives, whose files `tieout archive check` proves"
    " against the seals"
)
#: How help describes an instant.
INSTANT = "an instant such as 2026-06-04T12:00:00Z"

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


Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where one that was killed stopped.")
]


def proof_options(
    context: Context, kind: ProofKind, *, jobs: int | None, scheduler: str | None, resume: bool
) -> ProofOptions:
    """Convert the options of the command.

    Raises:
        typer.BadParameter: options that exclude each other.
    """
    if scheduler is not None and jobs is not None:
        raise typer.BadParameter("--jobs is for this machine: a cluster has its own")
    progress_file = context.data_dir / "proofs" / f"{kind.value}.progress"
    return ProofOptions(
        jobs=jobs_of(context.settings, Work.PROOFS) if jobs is None else jobs,
        scheduler=scheduler,
        progress=ProofProgress(progress_file, resume=resume),
    )
