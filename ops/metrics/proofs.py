"""Proofs as metrics: how old the last one of each kind is, whether it held, and what is due."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ledger.seal.seal import read_seal_status
from ops.metrics.catalogue import Sample, sample
from ops.settings.model import Settings
from storage.proofs import ProofKind, ProofRun, last_proofs, standing_findings

#: What the scheduler does in every round, and what only after a day was sealed.
_ROUNDS = (ProofKind.SEAL, ProofKind.VERIFY, ProofKind.REPLAY)
_DAILY = (ProofKind.CHECKPOINT,)
#: Rounds that may be missed before a proof is overdue.
_MISSED = 3


def proof_samples(
    connection: Connection, settings: Settings, now: datetime
) -> Iterator[Sample]:
    """The last proof of each kind, what it left unanswered, and the days without seals."""
    last, standing = last_proofs(connection), standing_findings(connection)
    for kind, run in last.items():
        age_s = (now - run.finished_at).total_seconds()
        yield sample("proof_age_seconds", kind.value, value=max(age_s, 0.0))
        yield sample("proof_clean", kind.value, value=int(kind not in standing))
    status = read_seal_status(connection)
    yield sample("days_unsealed", value=status.unsealed_days)
    if every := settings.proofs.every:
        for kind, limit in _limits(every, has_seal=status.day is not None):
            yield sample(
                "proof_overdue", kind.value, value=int(_is_late(last.get(kind), now - limit))
            )


def _limits(every: timedelta, *, has_seal: bool) -> Iterator[tuple[ProofKind, timedelta]]:
    for kind in _ROUNDS:
        yield kind, _MISSED * every
    if has_seal:
        for kind in _DAILY:
            yield kind, timedelta(days=1) + _MISSED * every


def _is_late(run: ProofRun | None, before: datetime) -> bool:
    return run is None or run.finished_at < before
