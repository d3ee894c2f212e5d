"""One part of a verify: a check, or several, over a range of wallets.

``run_part`` is a plain function from a task to bytes, so it runs equally in a pool or on a
cluster. Parts read one snapshot and write nothing. A wrong row belongs to one wallet, so the
results of ranges add up, and the order in which parts end changes nothing.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, text

from ledger.checks.check import BookCheck, WalletScope
from storage.planning import without_index_scans
from storage.transactions import engine_at, joined_snapshot

#: How many wrong rows each check names.
NAMED_MAX = 10
# Each part has a process of its own; a backend that starts others would take their processors.
_NO_PARALLEL_WORKERS = "SET LOCAL max_parallel_workers_per_gather = 0"


class CheckedPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found in a part.

    Attributes:
        checked: how many rows the check covers.
        wrong: how many of them break its promise.
        named: the names of the first wrong rows, sorted.
    """

    checked: int
    wrong: int
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTask:
    """One part to do, as a value that can travel to a worker.

    Attributes:
        name: of the part.
        unproven: the part of the scope to look for wrong rows in, if a killed verify found
            none in the rest; None: all of it.
        reads_most: whether all parts together read the whole books.
        snapshot: the name of the snapshot that the verify holds open.
    """

    name: str
    check: BookCheck
    scope: WalletScope
    unproven: WalletScope | None = None
    reads_most: bool
    database_url: str
    snapshot: str


def run_part(task: CheckTask) -> bytes:
    """Check one part and return its result, encoded.

    Raises:
        Unavailable: the database is out of reach.
    """
    with (
        engine_at(task.database_url, pool_size=1) as engine,
        joined_snapshot(engine, "verify", task.snapshot) as connection,
    ):
        connection.execute(text(_NO_PARALLEL_WORKERS))
        return encode_result(check_part(connection, task))


def check_part(connection: Connection, task: CheckTask) -> CheckedPart:
    """Run one check over one part."""
    checked = connection.execute(
        text(task.scope.render(task.check.figure)), task.scope.parameters
    ).scalar_one()
    scope = task.unproven or task.scope
    reads_most = task.reads_most and task.unproven is None
    with without_index_scans(connection) if reads_most else nullcontext():
        wrong, named = _wrong_rows(connection, task.check, scope)
    return CheckedPart(checked=checked, wrong=wrong, named=tuple(named))


def _wrong_rows(
    connection: Connection, check: BookCheck, scope: WalletScope
) -> tuple[int, Sequence[str]]:
    """How many rows break the promise, and the names of the first of them."""
    if check.holds is not None:
        holds = text(scope.render(check.holds))
        if connection.execute(holds, scope.parameters).scalar_one():
            return 0, ()
    # Sorted by bytes, as Python sorts, so that names of several parts can be merged.
    wrong_rows = f"""
WITH w (row_name) AS MATERIALIZED ({scope.render(check.wrong)})
SELECT (SELECT count(*) FROM w),
       ARRAY(SELECT row_name FROM w ORDER BY row_name COLLATE "C" LIMIT {NAMED_MAX})
"""  # noqa: S608 - constants of our own checks
    wrong, named = connection.execute(text(wrong_rows), scope.parameters).one()
    return wrong, named


def merged(results: Iterable[CheckedPart]) -> CheckedPart:
    """The result over all parts of a check."""
    parts: Sequence[CheckedPart] = tuple(results)
    return CheckedPart(
        checked=sum(part.checked for part in parts),
        wrong=sum(part.wrong for part in parts),
        named=tuple(sorted(name for part in parts for name in part.named)[:NAMED_MAX]),
    )


def encode_result(result: CheckedPart) -> bytes:
    """A result as it travels from a worker."""
    return msgspec.json.encode(result)


def decode_result(encoded: bytes) -> CheckedPart:
    """Read what ``encode_result`` wrote."""
    return msgspec.json.decode(encoded, type=CheckedPart)


def is_clean(encoded: bytes) -> bool:
    """Whether an encoded result has no wrong row."""
    return not decode_result(encoded).wrong
