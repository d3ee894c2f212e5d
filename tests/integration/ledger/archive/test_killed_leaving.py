"""SIGKILL while rows leave for an archive, and while they come back: repeating completes it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ledger.archive.demands import NotAway, demand
from ledger.archive.recall import Recalled, recall_wanted
from ops.scheduling.recall_jobs import recall_now
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.archives.away import wanted
from tests.harness.books.killed_commands import Stop, kill_at
from tests.harness.books.ledger import SLUG
from vocabulary.ids import RowKind

pytestmark = pytest.mark.timeout(900)  # each starts several processes: longer than others

APPROVE = ("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")
RECALL = ("archive", "recall", "--provider", SLUG, "--round", "r1", "--by", "jonas")
#: What is compared before rows leave and after all of them are back.
EVERYTHING = (
    "SELECT * FROM operations ORDER BY wallet_id, wallet_seq",
    "SELECT * FROM rounds ORDER BY match_key, provider, round_id, wallet_id",
    "SELECT * FROM booked_entries ORDER BY wallet_id, wallet_seq, leg",
)
#: What an uninterrupted run leaves: hashes with their days, and how many rows left.
LEFT = (
    "SELECT hash, day FROM archived_keys, unnest(hashes, days) AS u (hash, day) ORDER BY 1, 2",
    "SELECT month, operations, rounds, let_go_at IS NULL FROM archived_row_months",
    "SELECT op_key FROM operations ORDER BY wallet_id, wallet_seq",
    "SELECT round_id FROM rounds",
    "SELECT count(*) FROM leaving_operations",
)
#: Rounds of which a part is here and a part is not.
HALF_ROUNDS = """
SELECT r.round_id FROM rounds r
 WHERE r.stake <> (SELECT coalesce(sum(o.stake), 0) FROM operations o
                    WHERE o.match_key = r.match_key AND o.wallet_id = r.wallet_id
                      AND o.decision = 'accepted')
"""

STAGED = "LOCK archived_keys IN SHARE MODE"
PACKED = "LOCK rounds IN EXCLUSIVE MODE"
LEAVING = {
    "month noted": Stop("LOCK leaving_operations IN ACCESS EXCLUSIVE MODE"),
    "staged": Stop(STAGED),
    "hashes packed": Stop(PACKED),
    "rounds deleted": Stop("LOCK operations IN SHARE MODE"),
    "one chunk gone": Stop(
        STAGED,
        "SELECT FROM rounds WHERE match_key = (SELECT max(match_key) FROM rounds) FOR UPDATE",
        between="UPDATE leaving_operations SET chunk = match_key",
    ),
    "all chunks gone": Stop(PACKED, "LOCK leaving_operations IN ACCESS SHARE MODE"),
    "month finished": Stop(PACKED, "LOCK archive_releases IN EXCLUSIVE MODE"),
    "release finished": Stop(PACKED, "LOCK audit IN EXCLUSIVE MODE"),
}
COMING = {
    "demanded": Stop("LOCK archives IN ACCESS EXCLUSIVE MODE"),
    "archive read": Stop(
        "LOCK archives IN ACCESS EXCLUSIVE MODE", "SELECT FROM recalls FOR UPDATE"
    ),
    "operations back": Stop("LOCK rounds IN SHARE MODE"),
}


@contextmanager
def requested(postgres: PostgresServer, name: str, folder: Path) -> Iterator[Archivist]:
    """People at books whose bytes and entries left, and who requested that rows do."""
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE month_dated")
    archivist = Archivist(folder, postgres.url(name))
    archivist.run(
        *("archive", "request", ARCHIVE, "--rows", "--reason", "old", "--by", "maria")
    )
    yield archivist
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def archivist(
    postgres: PostgresServer, dated: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """Whose command is killed."""
    assert dated.folder.exists()
    with requested(postgres, "killed_rows", tmp_path) as archivist:
        yield archivist


@pytest.fixture(scope="module")
def left_uninterrupted(
    postgres: PostgresServer, dated: Archivist, tmp_path_factory: pytest.TempPathFactory
) -> list[Any]:
    """What the command leaves if nobody kills it."""
    assert dated.folder.exists()
    with requested(postgres, "unkilled_rows", tmp_path_factory.mktemp("unkilled")) as people:
        people.run(*APPROVE)
        return [people.rows(query) for query in LEFT]


def everything(archivist: Archivist) -> list[Sequence[tuple[Any, ...]]]:
    return [archivist.rows(query) for query in EVERYTHING]


def bring_everything_back(archivist: Archivist, keys: Iterable[str]) -> None:
    engine = open_engine(archivist.database)
    for key in keys:
        with suppress(NotAway), engine.begin() as connection:
            demand(connection, RowKind.OPERATION, SLUG, key, by="jonas")
    recall_wanted(engine)
    engine.dispose()


@pytest.mark.parametrize("step", LEAVING)
def test_a_killed_release_is_completed_by_repeating_it(
    archivist: Archivist, left_uninterrupted: list[Any], step: str
) -> None:
    before = everything(archivist)
    keys = [row[0] for row in archivist.rows("SELECT op_key FROM operations")]

    kill_at(archivist, APPROVE, LEAVING[step])

    assert archivist.rows(HALF_ROUNDS) == []
    archivist.run(*APPROVE)
    assert [archivist.rows(query) for query in LEFT] == left_uninterrupted
    (finished,) = archivist.rows(
        "SELECT let_go_at IS NOT NULL, (SELECT count(*) FROM audit"
        " WHERE action = 'archive.let_go' AND detail ->> 'operations' IS NOT NULL)"
        " FROM archive_releases WHERE what = 'rows'"
    )
    assert finished == (True, 1)
    bring_everything_back(archivist, keys)
    assert everything(archivist) == before
    archivist.run("ledger", "verify")


@pytest.mark.parametrize("step", COMING)
def test_a_killed_recall_is_completed_by_the_job(archivist: Archivist, step: str) -> None:
    round_r1 = EVERYTHING[0].replace("ORDER", "WHERE round_id = 'r1' ORDER")
    before = archivist.rows(round_r1), archivist.rows(EVERYTHING[2])
    archivist.run(*APPROVE)

    kill_at(archivist, RECALL, COMING[step])

    assert archivist.rows(round_r1) == []
    assert wanted(archivist.database) == [(RowKind.ROUND, "r1")]
    assert recall_now(archivist.database) == Recalled(1, 3)
    assert recall_now(archivist.database) == Recalled(0, 0)
    assert archivist.rows(round_r1) == before[0]
    assert archivist.rows("SELECT round_id FROM rounds") == [("r1",)]
    archivist.run("ledger", "verify")
