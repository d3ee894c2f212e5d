"""``tieout job list|show``: requested jobs, what became of them, and the files they made."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next
from ops.commands.options import AsJson, Limit
from ops.commands.tables import wide_table
from storage.jobs.model import JobFile, StoredJob
from storage.jobs.queries import content_of, files_of, job_numbered, jobs_before
from storage.transactions import reading
from vocabulary.clock import iso
from vocabulary.errors import NotAllowed
from vocabulary.plurals import counted

Number = Annotated[int, typer.Argument(help="The number of the job.")]


def list_jobs(
    ctx: typer.Context,
    *,
    active: Annotated[bool, typer.Option("--active", help="Only what waits or runs.")] = False,
    by: Annotated[
        str | None, typer.Option("--requested-by", help="Only what this person requested.")
    ] = None,
    most: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List requested jobs, the newest first."""
    with reading(open_books(ctx), "jobs") as connection:
        jobs = jobs_before(connection, by=by, active=active, limit=most)
    if as_json:
        print_json([job_json(job) for job in jobs], indent=2, instant=iso)
    else:
        _print_list(jobs)


def show(
    ctx: typer.Context,
    number: Number,
    *,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder to write the files into that it made."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one job; exit 1 if it failed or was interrupted."""
    with reading(open_books(ctx), "jobs") as connection:
        job = _found(job_numbered(connection, number), number)
        files = files_of(connection, number)
        made = [file for file in files if file.direction == "out"] if out is not None else []
        written = [_write(out or Path(), file, content_of(connection, file)) for file in made]
    if as_json:
        print_json({**job_json(job), "files": [_file_json(file) for file in files]}, indent=2)
    else:
        _print(job, files, written)
    raise typer.Exit(1 if job.error is not None else 0)


def job_json(job: StoredJob) -> dict[str, Any]:
    """A job as ``--json`` prints it."""
    return {
        "id": job.job_id,
        "kind": job.kind,
        "title": job.title,
        "arguments": job.arguments,
        "requested_by": job.requested_by,
        "requested_at": job.requested_at,
        "state": job.state,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "cancelled_by": job.cancelled_by,
        "percent": job.percent,
        "progress": job.progress,
        "result": None if job.result is None else job.result.to_json(),
        "error": job.error,
    }


def _found(job: StoredJob | None, number: int) -> StoredJob:
    if job is None:
        raise NotAllowed(f"there is no job {number}; `tieout job list` shows which there are")
    return job


def _write(folder: Path, file: JobFile, content: bytes | None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file.name
    if content is None:
        raise NotAllowed(f"{file.name} was removed meanwhile")
    if path.exists():
        raise NotAllowed(f"{path} exists already; choose another folder for --out")
    path.write_bytes(content)
    return path


def _file_json(file: JobFile) -> dict[str, Any]:
    return {
        "direction": file.direction,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
    }


def _print_list(jobs: list[StoredJob]) -> None:
    columns = ("job", "state", "requested", "by", "what")
    rows = (
        (
            str(job.job_id),
            _state(job),
            iso(job.requested_at)[:19],
            job.requested_by,
            job.title,
        )
        for job in jobs
    )
    wide_table(columns, rows, left=len(columns), empty="no job")


def _print(job: StoredJob, files: list[JobFile], written: list[Path]) -> None:
    typer.echo(f"job {job.job_id}: {job.title}")
    typer.echo(f"{_state(job)}, requested by {job.requested_by} at {iso(job.requested_at)}")
    for line in job.progress:
        typer.echo(f"  {line}")
    if job.result is not None:
        typer.echo(job.result.summary)
    if job.error is not None:
        typer.echo(job.error)
    for file in files:
        typer.echo(f"{file.direction}  {file.name}  {counted(file.size, 'byte')}")
    for path in written:
        typer.echo(f"written: {path}")
    if not job.state.is_over:
        print_next(f"tieout job show {job.job_id}")
    elif any(file.direction == "out" for file in files) and not written:
        print_next(f"tieout job show {job.job_id} --out FOLDER")


def _state(job: StoredJob) -> str:
    percent = "" if job.percent is None or job.state.is_over else f" {job.percent} %"
    return f"{job.state}{percent}"
