"""Plans of an ordinary morning, where statistics do not know of yesterday or of anything.

In production the newest day always lies beyond what was counted. Work is counted in rows and
buffers, so that a busy machine changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping

import pytest

from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.morning import Morning, age_statistics, build_books, drop_statistics
from tests.harness.query_work import Recording, log_plans, recorded_work

ROUNDS = 4_000
#: Most times the rows of good statistics, and what may be added to them. There may be a page
#: for each of these rows: what is looked up one by one, a scan of a small table would find.
RATIO, SLACK = 1.3, 5_000
_FRESH = "morning_fresh"

Recordings = Mapping[str, Recording]


@pytest.fixture(scope="module")
def fresh(postgres: PostgresServer) -> Iterator[Recordings]:
    """A morning with the statistics of all rows."""
    engine = open_engine(postgres.clone(_FRESH))
    build_books(engine, ROUNDS)
    engine.dispose()
    yield _morning(postgres, "morning_as_built", lambda url: None)
    postgres.drop(_FRESH)


@pytest.mark.parametrize("change", [age_statistics, drop_statistics])
def test_no_plan_turns_without_statistics_of_yesterday(
    postgres: PostgresServer, fresh: Recordings, change: Callable[[str], None]
) -> None:
    morning = _morning(postgres, f"morning_{change.__name__}", change)
    turned = {
        step: [(work.rows, work.buffers, work.query[:150]) for work in recording.largest(2)]
        for step, recording in morning.items()
        if recording.rows > RATIO * fresh[step].rows + SLACK
        or recording.buffers > max(RATIO * fresh[step].buffers, fresh[step].rows) + SLACK
    }
    assert turned == {}


def _morning(
    postgres: PostgresServer, name: str, change: Callable[[str], None]
) -> dict[str, Recording]:
    """What each step of a morning takes, over a copy of the books with other statistics."""
    url = postgres.clone(name, _FRESH)
    change(url)
    log_plans(postgres.url("postgres"), name)
    engine = open_engine(url)
    log = postgres.home.logs / "postgres.log"
    recordings = {}
    for step, act in Morning(engine).steps.items():
        with recorded_work(log) as recordings[step]:
            act()
    engine.dispose()
    postgres.drop(name)
    return recordings
