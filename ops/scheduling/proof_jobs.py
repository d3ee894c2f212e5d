"""Proofs on a schedule: seal days that are over, verify, checkpoint, replay a sample.

Each result is kept with the proofs of the command line. A finding fails nothing here: metrics,
alerts and /ops show it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import structlog
from sqlalchemy import Engine, text

from ledger.checks.check import WalletScope
from ledger.checks.run import newest_month_end, verify
from ledger.proofs.options import ProofOptions
from ledger.queries.checkpoints import take_checkpoint
from ledger.replay.replay import replay
from ledger.replay.report import ReplayWindow
from ledger.seal.seal import SealStatus, next_day_over, read_seal_status, seal_day
from ops.background.priorities import priority_of
from ops.background.processors import jobs_of
from ops.providers.configured import proof_decoders
from ops.runtime.child_jobs import ChildJobs
from ops.settings.model import Settings
from ops.work import Work
from storage.proofs import NOTHING, ProofKind, ProofRun, record_proof
from storage.transactions import engine_at, reading
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import Contradiction, Unavailable
from vocabulary.plurals import counted
from workers.scheduler import Job

#: Longest time for one round of proofs.
TIMEOUT = timedelta(hours=6)
#: Most days that one round seals, so that the other proofs follow.
DAYS_MAX = 31
#: How long after its end a day is sealed: what was accepted last is posted by then.
SETTLES = timedelta(minutes=15)
# Once rows left for archives, what can be replayed begins at the newest month end.
_SPAN = """
SELECT coalesce((SELECT min(b.batch_id) FROM batches b
                  WHERE b.committed_at >= (SELECT max(at) FROM month_ends)
                    AND (SELECT EXISTS (SELECT FROM archived_row_months))),
                (SELECT min(batch_id) FROM batches
                  WHERE NOT (SELECT EXISTS (SELECT FROM archived_row_months)))),
       (SELECT max(batch_id) FROM batches)
"""
_COMMITTED = "SELECT committed_at FROM batches WHERE batch_id >= :id ORDER BY batch_id LIMIT 1"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofResult:
    """What one proof covered, whether it holds, and a sentence about it."""

    scope: str
    is_clean: bool
    detail: str


def proof_jobs(settings: Settings, database_url: str, child_jobs: ChildJobs) -> list[Job]:
    """The job that proves the books; none, where the settings ask for none."""
    every = settings.proofs.every
    if not every:
        return []

    def run(slot: str) -> None:
        child_jobs.call(
            prove_books,
            database_url,
            settings,
            slot,
            timeout=TIMEOUT,
            priority=priority_of(settings, Work.PROOFS, database_url),
        )

    return [Job(name="proofs", every=every, run=run, exclusive=True)]


def prove_books(
    database_url: str, settings: Settings, slot: str, clock: Clock | None = None
) -> None:
    """Seal, verify what moved since the last seal, checkpoint, and replay a sample.

    Raises:
        Unavailable: the database is out of reach.
    """
    clock = clock or SystemClock()
    with engine_at(database_url) as engine:
        rounds = _Round(engine, clock)
        options = ProofOptions(jobs=jobs_of(settings, Work.PROOFS))
        with reading(engine, "proofs") as connection:
            before = read_seal_status(connection)
        sealed = rounds.keep(ProofKind.SEAL, lambda: _seal(engine, clock.now()))
        rounds.keep(ProofKind.VERIFY, lambda: _verify(engine, before, options))
        if sealed.is_clean and sealed.scope:
            rounds.keep(ProofKind.CHECKPOINT, lambda: _checkpoint(engine))
        chance = Random(slot)  # noqa: S311 - chooses a sample
        rounds.keep(ProofKind.REPLAY, lambda: _replay(engine, settings, chance, options))


class _Round:
    """Keeps the results of a round.

    Args:
        engine: where they are kept.
        clock: when proofs began and ended.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def keep(self, kind: ProofKind, prove: Callable[[], ProofResult]) -> ProofResult:
        """Run a proof and keep its result; one that cannot be run is not proven."""
        started_at = self._clock.now()
        try:
            result = prove()
        except (Contradiction, Unavailable) as error:
            result = ProofResult(scope=NOTHING, is_clean=False, detail=str(error))
        record_proof(
            self._engine,
            ProofRun(
                kind=kind,
                scope=result.scope,
                started_at=started_at,
                finished_at=self._clock.now(),
                is_clean=result.is_clean,
                detail=result.detail,
            ),
        )
        write = log.info if result.is_clean else log.error
        write("books_proven", kind=kind.value, clean=result.is_clean, detail=result.detail)
        return result


def _seal(engine: Engine, now: datetime) -> ProofResult:
    days = list(_seal_days(engine, now))
    with reading(engine, "seal") as connection:
        status = read_seal_status(connection)
    newest = "no day is sealed" if status.day is None else f"sealed up to {status.day}"
    return ProofResult(
        scope=", ".join(day.isoformat() for day in days), is_clean=True, detail=newest
    )


def _seal_days(engine: Engine, now: datetime) -> Iterator[date]:
    for _ in range(DAYS_MAX):
        with reading(engine, "seal") as connection:
            day = next_day_over(connection)
        if day is None or _end_of(day) + SETTLES > now:
            return
        seal_day(engine, day, progress=lambda _lines: None)
        yield day


def _verify(engine: Engine, before: SealStatus, options: ProofOptions) -> ProofResult:
    since = None if before.day is None else _end_of(before.day)
    scope = WalletScope(since=since, month_end=newest_month_end(engine))
    results = list(verify(engine, scope=scope, options=options))
    wrong = [f"{result.name}: {result.wrong} wrong" for result in results if result.wrong]
    return ProofResult(
        scope=scope.text if scope.is_partial else "",
        is_clean=not wrong,
        detail="; ".join(wrong) or counted(len(results), "check holds", "checks hold"),
    )


def _checkpoint(engine: Engine) -> ProofResult:
    with reading(engine, "checkpoint") as connection:
        day = read_seal_status(connection).day
    assert day is not None, "a day was just sealed"
    written = take_checkpoint(engine, at=_end_of(day))
    return ProofResult(
        scope=f"end of {day}",
        is_clean=True,
        detail=f"{counted(written, 'wallet')} checkpointed",
    )


def _replay(
    engine: Engine, settings: Settings, chance: Random, options: ProofOptions
) -> ProofResult:
    start = _some_batch(engine, chance)
    if start is None:
        return ProofResult(scope="", is_clean=True, detail="nothing is booked")
    window = ReplayWindow(since=start, until=start + settings.proofs.sample)
    result = replay(
        engine,
        proof_decoders(settings),
        window=window,
        announce=lambda _rows: _ignore,
        options=options,
    )
    return ProofResult(
        scope=window.text,
        is_clean=result.is_proven,
        detail=f"{counted(result.operations, 'operation')},"
        f" {counted(result.differing, 'row differs', 'rows differ')}",
    )


def _ignore(_rows: int) -> None:
    return None


def _some_batch(engine: Engine, chance: Random) -> datetime | None:
    """When some batch of the books was committed; each is as likely."""
    with reading(engine, "replay") as connection:
        first, last = connection.execute(text(_SPAN)).one()
        if first is None:
            return None
        chosen = {"id": chance.randint(first, last)}
        instant: datetime = connection.execute(text(_COMMITTED), chosen).scalar_one()
        return instant


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)
