"""A bounded part of the campaign; ``make callbacks`` plays all of it."""

import os
from pathlib import Path

import pytest

from tests.callbacks.campaign import CAMPAIGN_SETTINGS, Verdicts, play
from tests.callbacks.php import install
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import LedgerDatabase

PAYLOADS = int(os.environ.get("CALLBACK_PAYLOADS", "2000"))


@pytest.fixture(scope="module", autouse=True)
def php() -> None:
    install()


def played(
    database: str, broker_url: str, folder: Path, *, payloads: int, settings: str
) -> Verdicts:
    books = LedgerDatabase(database)
    try:
        with harness.receivers(folder, database, broker_url, settings=settings) as (client, _):
            return play(client.port, books, payloads=payloads, seed=1)
    finally:
        books.close()


def test_authentic_callbacks_of_real_php_and_node_are_booked_as_sent_and_altered_ones_are_not(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    verdicts = played(
        database, broker_url, tmp_path, payloads=PAYLOADS, settings=CAMPAIGN_SETTINGS
    )

    assert verdicts.posted == 2 * PAYLOADS
    assert verdicts.refused == []
    assert verdicts.accepted == []
    assert verdicts.misbooked == []


def test_the_campaign_notices_a_receiver_that_accepts_one_text_only(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    settings = CAMPAIGN_SETTINGS.replace(
        'dialect = "agent_platform"',
        'dialect = "agent_platform"\noptions = {signed_text = "sorted_escaped"}',
    )

    verdicts = played(database, broker_url, tmp_path, payloads=200, settings=settings)

    assert len(verdicts.refused) > 50
    assert len(verdicts.misbooked) == len(verdicts.refused)
    assert verdicts.accepted == []
