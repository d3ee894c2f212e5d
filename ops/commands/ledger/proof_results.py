"""Keep when the books were proven, and with which result, for the console."""

from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage.proofs import ProofKind, ProofRun, record_proof
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable

log = structlog.get_logger()


def keep_proof(
    engine: Engine,
    kind: ProofKind,
    *,
    scope: str,
    started_at: datetime,
    is_clean: bool,
    detail: str,
) -> None:
    """Keep a result; where the database only reads, as on a replica, the proof still counts."""
    run = ProofRun(
        kind=kind,
        scope=scope,
        started_at=started_at,
        finished_at=SystemClock().now(),
        is_clean=is_clean,
        detail=detail,
    )
    try:
        record_proof(engine, run)
    except (Unavailable, SQLAlchemyError) as error:
        log.warning("proof_not_kept", kind=kind.value, error=type(error).__name__)
