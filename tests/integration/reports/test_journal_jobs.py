"""Journals that a page asks for: what the command refuses, the job refuses, too."""

from pathlib import Path

import pytest

from ops.engines.servers import Endpoints
from ops.jobs.child import JobTask, run_job
from ops.jobs.registry import KINDS
from ops.settings.loader import load
from storage.engine import open_engine
from storage.jobs.model import StoredJob
from storage.jobs.queries import job_numbered
from storage.jobs.requests import request_job
from storage.jobs.running import take_job
from storage.people import act_as, get_person
from tests.harness.books.ledger import bet_and_win
from tests.harness.books.signed_days import FIRST, SignedDays
from vocabulary.errors import Malformed
from vocabulary.people import Actor

KIND = KINDS["journal.export"]


@pytest.fixture
def days(tmp_path: Path, database: str) -> SignedDays:
    """A signed day of play in one currency."""
    days = SignedDays(tmp_path, database)
    days.play(FIRST, bet_and_win("k1", 1_000, 300))
    days.sign(FIRST)
    return days


def export(days: SignedDays, currency: str) -> StoredJob:
    """What becomes of a job that maria requests."""
    arguments = {"first": str(FIRST), "last": str(FIRST), "currency": currency}
    engine = open_engine(days.database)
    try:
        with engine.connect() as connection:
            maria = get_person(connection, "maria")
        act_as(engine, Actor(person=maria, acting=maria))
        with engine.begin() as connection:
            number = request_job(connection, KIND, arguments, person=maria)
            job = take_job(connection, "tests", heavy=True)
        assert job is not None
        run_job(
            JobTask(
                job=job,
                runner="tests",
                settings=load(days.folder / "tieout.toml", {}),
                endpoints=Endpoints(
                    database_url=days.database, broker_url="redis://127.0.0.1:1/0"
                ),
                data_dir=days.folder,
                kind=KIND,
            )
        )
        with engine.connect() as connection:
            done = job_numbered(connection, number)
    finally:
        engine.dispose()
    assert done is not None
    return done


def test_a_currency_that_the_period_lacks_is_refused_and_nothing_is_issued(
    days: SignedDays,
) -> None:
    with pytest.raises(
        Malformed, match="currency: the period has no journal in USD, but in EUR"
    ):
        export(days, "USD")

    assert days.rows("SELECT count(*) FROM journals") == [(0,)]


def test_journals_of_one_currency_are_issued_and_written(days: SignedDays) -> None:
    done = export(days, "EUR")

    assert done.result is not None
    assert done.result.summary.startswith("1 journal with ")
    assert days.rows("SELECT count(*) FROM journals") == [(1,)]
