"""When the books were last proven, over what, and with which result.

Tables written: ``proof_runs``. Rows are never changed.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, text

from storage.transactions import transaction

#: Longest text of a result, in characters.
DETAIL_CHARS_MAX = 500

_RECORD = """
INSERT INTO proof_runs (kind, scope, started_at, finished_at, is_clean, detail)
VALUES (:kind, :scope, :started_at, :finished_at, :is_clean, :detail)
"""
_LAST = """
SELECT DISTINCT ON (kind) kind, scope, started_at, finished_at, is_clean, detail
  FROM proof_runs ORDER BY kind, finished_at DESC
"""
# A finding is not answered by a proof of other rows: of the wallets that moved since, or of
# another sample. Nor by one from the month end on, until older rows left: till then a proof of
# everything reads them. What could not be made found nothing, and the next proof answers it.
_STANDING = """
SELECT DISTINCT ON (kind) kind, scope, started_at, finished_at, is_clean, detail
  FROM proof_runs f
 WHERE NOT is_clean
   AND NOT EXISTS (
       SELECT FROM proof_runs later
        WHERE later.kind = f.kind AND later.finished_at > f.finished_at
          AND (f.scope = :nothing
               OR later.is_clean
                  AND (f.kind IN ('seal', 'checkpoint') OR later.scope IN ('', f.scope)
                       OR starts_with(later.scope, :from_month_end)
                          AND rows_begin_at() > '-infinity')))
 ORDER BY kind, finished_at DESC
"""

#: How the scope begins of a proof of what came after a month: all there is, once the rest left.
BEGINS_AT_MONTH_END = "from the month end of "
#: The scope of a proof that could not be made.
NOTHING = "nothing"


class ProofKind(StrEnum):
    """How the books are proven, and what makes later proofs possible; a closed set."""

    VERIFY = "verify"
    REPLAY = "replay"
    RECHECK = "recheck"
    SEAL = "seal"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRun:
    """One proof that was completed.

    Attributes:
        scope: what of the books it covered; empty: all; ``NOTHING``: it could not be made.
        detail: its result in a sentence.
    """

    kind: ProofKind
    scope: str
    started_at: datetime
    finished_at: datetime
    is_clean: bool
    detail: str


def record_proof(engine: Engine, run: ProofRun) -> None:
    """Keep the result of a proof.

    Raises:
        Unavailable: the database is out of reach.
    """
    params = {
        "kind": run.kind.value,
        "scope": run.scope,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "is_clean": run.is_clean,
        "detail": run.detail[:DETAIL_CHARS_MAX],
    }
    with transaction(engine, "proof") as connection:
        connection.execute(text(_RECORD), params)


def last_proofs(connection: Connection) -> dict[ProofKind, ProofRun]:
    """The last proof of each kind that ever ran."""
    return _by_kind(connection, _LAST, {})


def standing_findings(connection: Connection) -> dict[ProofKind, ProofRun]:
    """The last proof of each kind that found something which no later clean one covers."""
    scopes = {"nothing": NOTHING, "from_month_end": BEGINS_AT_MONTH_END}
    return _by_kind(connection, _STANDING, scopes)


def _by_kind(
    connection: Connection, query: str, parameters: dict[str, str]
) -> dict[ProofKind, ProofRun]:
    rows = connection.execute(text(query), parameters).mappings()
    runs = [ProofRun(**{**row, "kind": ProofKind(row["kind"])}) for row in rows]
    return {run.kind: run for run in runs}
