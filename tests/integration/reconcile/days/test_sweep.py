"""A sweep whose files or days change while it runs names them and goes on."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from ops.scheduling.business_days import business_day_of
from ops.scheduling.day_close import close_if_ready
from ops.scheduling.day_sweep import take_in
from ops.settings.loader import load
from ops.settings.model import ProviderSettings
from reconcile.partitions.options import RunOptions
from storage.engine import open_engine
from tests.integration.reconcile.conftest import AGG, STATEMENT, Office
from vocabulary.errors import Overtaken

DAY = date(2026, 3, 1)
LATER = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def entry_of(office: Office, slug: str) -> ProviderSettings:
    settings = load(office.folder / "tieout.toml", {})
    return next(entry for entry in settings.providers if entry.slug == slug)


def test_a_file_that_is_renamed_while_others_are_taken_in_is_named(
    office: Office, engine: Engine
) -> None:
    inbox = office.folder / "inbox" / "book"
    inbox.mkdir(parents=True)
    gone, last = inbox / "b.csv.part", inbox / "c-2026-03-01.csv"
    for path, content in ((inbox / "a.csv", "<html>"), (gone, "<html>"), (last, STATEMENT)):
        path.write_text(content, encoding="utf-8")

    reasons = take_in(engine, office.database, entry_of(office, "book"), str(inbox.parent))
    assert next(reasons).startswith("a.csv: quarantined")
    gone.unlink()

    assert list(reasons) == [
        f"b.csv.part: {gone}: it is not there: check the path, or make its folder"
    ]
    assert office.rows("SELECT name FROM feed_files WHERE verdict = 'imported'") == [
        (last.name,)
    ]


def test_a_day_that_is_prepared_while_it_is_swept_is_refused_by_name(
    office: Office, engine: Engine
) -> None:
    entry = entry_of(office, "agg")
    with engine.connect() as connection:
        before = business_day_of(connection, entry, DAY, LATER)
    office.run("day", "close", *AGG, by="maria")
    office.run("day", "prepare", *AGG, "--reason", "asked", by="maria")

    with pytest.raises(Overtaken, match="2026-03-01 of agg is prepared: reopen it first"):
        close_if_ready(engine, office.database, entry, before, RunOptions())

    assert office.day()["state"] == "prepared"
