"""One run: post what is unposted, read both sides at one instant, judge, prove, store."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from feeds.day_close import close_day
from ledger.corrections.tolerance_bookings import Booking, write_bookings
from ledger.posting.posting import post_all
from reconcile.findings.breaks import Break
from reconcile.findings.delivery_log import ReadLogged
from reconcile.partitions.checkpoint import Checkpoint
from reconcile.partitions.plan import How
from reconcile.partitions.scan import Job, Look, look_at_all, look_at_changes
from reconcile.partitions.watermark import Watermark, load_mark, save_mark, take_mark
from reconcile.runs.evaluate import Evaluation, Terms, judge
from reconcile.runs.residuals import bookings_due, moved_by, rounds_digest
from reconcile.runs.result import RunResult
from reconcile.runs.store import claimed, lock_provider, store_run
from reconcile.snapshot.rules import BY_NAME, Rules
from storage.engine import open_engine
from vocabulary.clock import Clock, iso
from vocabulary.maturity import MaturityAges, as_ages
from vocabulary.window import Window

#: Raised whenever a rule judges the same rows differently than before.
RULES: Mapping[str, int] = MappingProxyType({"match": 2, "classify": 3, "witness": 2})
_NO_OVERRIDES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a run goes about it; what it finds is the same.

    Attributes:
        how: in which parts, and where they run.
        incremental: look only at what changed since the last run of exactly this window.
        spool: a folder for the parts of a run that can be resumed; None: it cannot be.
        resume: take up what an interrupted run of the same question left in the folder.
        close: the business day that this run signs off; None: it signs none.
        patience: longest wait for another run of this provider and window to end.
    """

    how: How = field(default_factory=How)
    incremental: bool = False
    spool: Path | None = None
    resume: bool = False
    close: date | None = None
    patience: timedelta = timedelta(minutes=10)


_PLAIN = Mode()


def reconcile(
    database_url: str,
    *,
    provider: str,
    window: Window,
    maturity: MaturityAges | timedelta,
    clock: Clock,
    exponents: Mapping[str, int] = _NO_OVERRIDES,
    open_after: timedelta | None = None,
    rules: Rules = BY_NAME,
    read: ReadLogged | None = None,
    mode: Mode = _PLAIN,
    stale_after: timedelta | None = None,
    ripeness: Mapping[str, Any] | None = None,
) -> RunResult:
    """Compare our rounds with the provider's records over a window, and store the run.

    Accepted operations that no worker has posted yet are posted first, so that a slow worker
    never looks like a break. What is asked is described by ``reconcile.runs.evaluate.Terms``.

    Raises:
        Unavailable: the database or the workers cannot be reached, or another run of this
            provider and window is under way.
        Contradiction: the run does not conserve its rows; nothing is stored.
    """
    terms = Terms(
        provider=provider,
        window=window,
        maturity=maturity,
        exponents=exponents,
        open_after=open_after,
        rules=rules,
        read=read,
        stale_after=stale_after,
        ripeness=ripeness,
    )
    engine = open_engine(database_url, pool_size=2)
    try:
        with engine.connect() as session, _claimed(session, terms, mode):
            post_all(engine)
            with engine.begin() as connection:
                lock_provider(connection, provider)
                return _run(database_url, connection, terms, clock, mode)
    finally:
        engine.dispose()


def _claimed(session: Connection, terms: Terms, mode: Mode) -> AbstractContextManager[None]:
    # A session at rest in no transaction: a long run must not look like a forgotten one.
    session = session.execution_options(isolation_level="AUTOCOMMIT")
    return claimed(session, terms.provider, terms.window, patience=mode.patience)


def _run(
    database_url: str, connection: Connection, terms: Terms, clock: Clock, mode: Mode
) -> RunResult:
    digest = terms_digest(terms)
    job = _resumed(terms, digest, mode)
    if job is not None and job.began is not None:
        mark = job.began
        mode = replace(mode, how=replace(mode.how, parts=int(job.told["parts"])))
    else:
        mark = take_mark(
            connection,
            terms.provider,
            maturity=as_ages(terms.maturity).longest,
            terms=digest,
            now=clock.now(),
        )
        job = None if mode.spool is None else _job(terms, mark, mode.spool)
    now = mark.evaluated_at
    look = _look(connection, terms, mode, job, digest)
    judged = judge(database_url, connection, terms, now=now, look=look)
    due = bookings_due(connection, terms.provider, judged)
    result = _result(terms, judged, now, clock.now())
    result = replace(result, booked=moved_by(connection, result.run_id, due))
    stored = _stored(connection, result, judged, due)
    save_mark(connection, terms.provider, terms.window, mark, run_id=result.run_id)
    _close(connection, terms, mode, judged, result)
    if job is not None:
        job.spool.clear()
    return stored


def _look(
    connection: Connection, terms: Terms, mode: Mode, job: Job | None, digest: str
) -> Look:
    if not mode.incremental:
        return look_at_all(mode.how, job)
    mark = load_mark(connection, terms.provider, terms.window)
    return look_at_changes(mark, mode.how, terms=digest, open_after=terms.open_after)


def _close(
    connection: Connection, terms: Terms, mode: Mode, judged: Evaluation, result: RunResult
) -> None:
    if mode.close is None:
        return
    assert judged.whole  # a day is never signed off by looking at a part of it
    close_day(
        connection,
        terms.provider,
        mode.close,
        window=terms.window,
        run_id=result.run_id,
        now=result.started_at,
    )


def terms_digest(terms: Terms) -> str:
    """Names what the verdicts depend on besides rows, time and maturity."""
    told = {
        **terms.as_json(),
        "exponents": dict(terms.exponents),
        "versions": dict(RULES),
        "code": version("tieout"),
    }
    text = json.dumps(told, sort_keys=True).encode()
    return blake2b(text, digest_size=16).hexdigest()


def _job(terms: Terms, mark: Watermark, folder: Path) -> Job:
    told = {
        "provider": terms.provider,
        "from": iso(terms.window.start),
        "to": iso(terms.window.end),
        "mark": mark.as_json(),
        "ages": as_ages(terms.maturity).as_json(),
    }
    return Job(spool=Checkpoint(folder), told=told, began=None)


def _resumed(terms: Terms, digest: str, mode: Mode) -> Job | None:
    """The interrupted run that left something behind, if it was asked the same."""
    if mode.spool is None or not mode.resume:
        return None
    told = Checkpoint(mode.spool).job()
    if told is None:
        return None
    mark = Watermark.from_json(told["mark"])
    asked = (terms.provider, iso(terms.window.start), iso(terms.window.end))
    if (told["provider"], told["from"], told["to"]) != asked:
        return None
    if (mark.terms, told.get("ages")) != (digest, as_ages(terms.maturity).as_json()):
        return None
    return Job(spool=Checkpoint(mode.spool), told=told, began=mark)


def _result(terms: Terms, judged: Evaluation, now: datetime, finished: datetime) -> RunResult:
    found = judged.comparison
    return RunResult(
        run_id=_run_id(terms.provider, terms.window, now),
        provider=terms.provider,
        window=terms.window,
        started_at=now,
        finished_at=finished,
        maturity_s=int(as_ages(terms.maturity).longest.total_seconds()),
        ours=found.ours,
        theirs=found.theirs,
        breaks=judged.breaks,
        code=version("tieout"),
        rules=RULES,
        exponents=terms.exponents,
        residuals=found.residuals,
        residual_rounds=rounds_digest(found.passed),
        inputs={
            **terms.as_json(),
            "marks": marks_json(judged),
            "whole": judged.whole,
            "ripeness": terms.ripeness,
            "ages": as_ages(terms.maturity).as_json(),
        },
        unread=judged.unread,
    )


def marks_json(judged: Evaluation) -> dict[str, object]:
    """How far the stored inputs reached, as a manifest keeps it."""
    feeds = [
        {
            name: iso(value) if isinstance(value, datetime) else value
            for name, value in feed.items()
        }
        for feed in judged.marks["feeds"]
    ]
    return {**judged.marks, "feeds": feeds}


def _stored(
    connection: Connection, result: RunResult, judged: Evaluation, due: Sequence[Booking]
) -> RunResult:
    first_seen = store_run(connection, result, examined=judged.examined, whole=judged.whole)
    write_bookings(connection, provider=result.provider, run_id=result.run_id, bookings=due)
    return replace(
        result, breaks=tuple(_dated(each, first_seen[each.id]) for each in result.breaks)
    )


def _dated(each: Break, first_seen: datetime) -> Break:
    return each if each.first_seen == first_seen else replace(each, first_seen=first_seen)


def _run_id(provider: str, window: Window, now: datetime) -> str:
    """The same run of the same provider, window and instant has the same name."""
    named = f"{provider}\0{iso(window.start)}\0{iso(window.end)}\0{iso(now)}"
    return "run-" + blake2b(named.encode(), digest_size=10).hexdigest()
