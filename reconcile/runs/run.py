"""One run: post what is unposted, evaluate the request, and store the result."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection, Engine

from feeds.day_close import close_day
from ledger.archive.demands import demand
from ledger.corrections.tolerance_bookings import Booking, write_bookings
from ledger.posting.posting import post_all
from reconcile.findings.breaks import Break
from reconcile.partitions.checkpoint import Checkpoint, read_job
from reconcile.partitions.options import RunOptions
from reconcile.partitions.scan import Scan, scan_changes, scan_window
from reconcile.partitions.watermark import (
    Watermark,
    load_watermark,
    save_watermark,
    take_watermark,
)
from reconcile.runs.evaluate import Evaluation, evaluate
from reconcile.runs.request import RULE_VERSIONS, RunRequest
from reconcile.runs.residuals import bookings_due, moved_by, rounds_digest
from reconcile.runs.result import RunResult
from reconcile.runs.store import exclusive_run, lock_provider, store_run
from storage.archive.row_cut import RowsAreAway, away_names
from storage.transactions import engine_at
from vocabulary.build import version
from vocabulary.clock import Clock, iso
from vocabulary.errors import Malformed, Unavailable
from vocabulary.window import Window

_DEFAULTS = RunOptions()
#: In ``recalls``, who wants rows back that a run misses.
_WANTED_BY = "run"


def reconcile(
    database_url: str, request: RunRequest, *, clock: Clock, options: RunOptions = _DEFAULTS
) -> RunResult:
    """Compare our rounds with the provider's records over a window, and store the run.

    Accepted operations that no worker has posted yet are posted first, so that a slow worker
    never looks like a break.

    Raises:
        Malformed: the window has not begun.
        RowsAreAway: rows of the window left for archives.
        Unavailable: the database or the workers cannot be reached, another run of this provider
            and window is in progress, or rounds that it names are in an archive.
        Contradiction: the run does not conserve its rows; nothing is stored.
    """
    if request.window.start > clock.now():
        raise Malformed("window", f"it begins at {iso(request.window.start)}, which is to come")
    with (
        engine_at(database_url, pool_size=2) as engine,
        engine.connect() as session,
        exclusive_run(session, request.provider, request.window, patience=options.patience),
    ):
        post_all(engine)
        with _asking_for_rows(engine), engine.begin() as connection:
            lock_provider(connection, request.provider)
            return _run(database_url, connection, request, clock, options)


@contextmanager
def _asking_for_rows(engine: Engine) -> Iterator[None]:
    """Ask for what a run misses in an archive, so that a later run has it."""
    try:
        yield
    except RowsAreAway as error:
        if not error.names:
            raise
        with engine.begin() as connection:
            for name in away_names(connection, error.provider, error.names):
                demand(connection, name.kind, error.provider, name.name, by=_WANTED_BY)
        raise Unavailable(
            f"{error}. They are asked for: workers bring them back, and the next run has them"
        ) from error


def _run(
    database_url: str,
    connection: Connection,
    request: RunRequest,
    clock: Clock,
    options: RunOptions,
) -> RunResult:
    checkpoint = _interrupted(request, options)
    if checkpoint is None or checkpoint.resumed is None:
        watermark = take_watermark(
            connection,
            request.provider,
            maturity=request.ages.longest,
            terms=request.digest(),
            now=clock.now(),
        )
        checkpoint = _new_checkpoint(request, watermark, options.checkpoint)
    else:
        watermark = checkpoint.resumed
        options = replace(options, parts=int(checkpoint.job["parts"]))
    scan = _scan(connection, request, options, checkpoint)
    now = watermark.evaluated_at
    evaluation = evaluate(database_url, connection, request, now=now, scan=scan)
    bookings = bookings_due(connection, request.provider, request.window, evaluation)
    result = _result(request, evaluation, now, clock.now())
    result = replace(result, booked=moved_by(connection, result.run_id, bookings))
    stored = _store(connection, result, evaluation, bookings)
    save_watermark(
        connection, request.provider, request.window, watermark, run_id=result.run_id
    )
    _close_day(connection, request, evaluation, result, read_to=watermark.stored_no)
    if checkpoint is not None:
        checkpoint.clear()
    return stored


def _scan(
    connection: Connection,
    request: RunRequest,
    options: RunOptions,
    checkpoint: Checkpoint | None,
) -> Scan:
    if not options.incremental:
        return scan_window(options, checkpoint)
    watermark = load_watermark(connection, request.provider, request.window)
    return scan_changes(
        watermark, options, terms=request.digest(), open_after=request.open_after
    )


def _close_day(
    connection: Connection,
    request: RunRequest,
    evaluation: Evaluation,
    result: RunResult,
    *,
    read_to: int,
) -> None:
    timing = evaluation.comparison.ours.timing.rows + evaluation.comparison.theirs.timing.rows
    if request.close is None or (timing and request.close_reason is None):
        return
    assert evaluation.whole  # a day is never closed by an incremental run
    close_day(
        connection,
        request.provider,
        request.close,
        window=request.window,
        run_id=result.run_id,
        now=result.started_at,
        read_to=read_to,
    )


def _new_checkpoint(
    request: RunRequest, watermark: Watermark, folder: Path | None
) -> Checkpoint | None:
    if folder is None:
        return None
    job = {
        "provider": request.provider,
        "from": iso(request.window.start),
        "to": iso(request.window.end),
        "mark": watermark.as_json(),
        "ages": request.ages.as_json(),
    }
    return Checkpoint(folder, job)


def _interrupted(request: RunRequest, options: RunOptions) -> Checkpoint | None:
    """Return the checkpoint of an interrupted run of the same request, if it may be resumed."""
    if options.checkpoint is None or not options.resume:
        return None
    job = read_job(options.checkpoint)
    if job is None:
        return None
    watermark = Watermark.from_json(job["mark"])
    window = request.window
    expected = (request.provider, iso(window.start), iso(window.end), request.digest())
    if (job["provider"], job["from"], job["to"], watermark.terms) != expected:
        return None
    if job.get("ages") != request.ages.as_json():
        return None
    return Checkpoint(options.checkpoint, job, resumed=watermark)


def _result(
    request: RunRequest, evaluation: Evaluation, now: datetime, finished: datetime
) -> RunResult:
    comparison = evaluation.comparison
    return RunResult(
        run_id=_run_id(request.provider, request.window, now),
        provider=request.provider,
        window=request.window,
        started_at=now,
        finished_at=finished,
        maturity_s=int(request.ages.longest.total_seconds()),
        ours=comparison.ours,
        theirs=comparison.theirs,
        breaks=evaluation.breaks,
        code=version(),
        rules=RULE_VERSIONS,
        exponents=request.exponents,
        residuals=comparison.residuals,
        residual_rounds=rounds_digest(comparison.residual_rows),
        inputs={
            **request.as_json(),
            "marks": _watermarks_json(evaluation),
            "whole": evaluation.whole,
            "ripeness": request.maturity_basis,
            "ages": request.ages.as_json(),
        },
        unread=evaluation.unread,
    )


def _watermarks_json(evaluation: Evaluation) -> dict[str, object]:
    """Return the watermarks of the inputs as a manifest stores them."""
    feeds = [
        {
            name: iso(value) if isinstance(value, datetime) else value
            for name, value in feed.items()
        }
        for feed in evaluation.input_watermarks["feeds"]
    ]
    return {**evaluation.input_watermarks, "feeds": feeds}


def _store(
    connection: Connection,
    result: RunResult,
    evaluation: Evaluation,
    bookings: Sequence[Booking],
) -> RunResult:
    """Store run, breaks and bookings; return the result with each break's first sight."""
    first_seen = store_run(
        connection, result, examined=evaluation.examined, whole=evaluation.whole
    )
    write_bookings(
        connection, provider=result.provider, run_id=result.run_id, bookings=bookings
    )
    return replace(
        result, breaks=tuple(_dated(break_, first_seen[break_.id]) for break_ in result.breaks)
    )


def _dated(break_: Break, first_seen: datetime) -> Break:
    """Set ``first_seen``; most breaks are new and need no copy."""
    return break_ if break_.first_seen == first_seen else replace(break_, first_seen=first_seen)


def _run_id(provider: str, window: Window, now: datetime) -> str:
    """Return the same id for the same provider, window and instant."""
    name = f"{provider}\0{iso(window.start)}\0{iso(window.end)}\0{iso(now)}"
    return "run-" + blake2b(name.encode(), digest_size=10).hexdigest()
