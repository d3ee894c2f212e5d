"""A pooler that lends sessions by transaction is refused; one that keeps them is not."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from ops.commands.setup.migrate import migrate_database
from ops.engines.server_checks import check_database
from tests.external.pgbouncer import PgBouncer
from tests.external.servers import Certificate, Postgres
from tests.harness.servers.receiver import TieoutProcess
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Unavailable

pytestmark = pytest.mark.timeout(600)
SENTENCE = (
    "is a pooler that lends sessions for one transaction each: set its pool_mode to session"
)


@pytest.fixture(scope="module")
def pooler(
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Certificate,
    debian_postgres: Postgres,
) -> Iterator[PgBouncer]:
    debian_postgres.execute("CREATE DATABASE pooled")
    folder: Path = tmp_path_factory.mktemp("poolers") / "pgbouncer"
    pooler = PgBouncer(folder, certificate, debian_postgres, "pooled")
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.end()
        debian_postgres.execute("DROP DATABASE pooled WITH (FORCE)")


def test_sessions_of_their_own_pass(pooler: PgBouncer) -> None:
    check_database(pooler.url("session"))


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_sessions_that_are_lent_are_refused(pooler: PgBouncer, mode: str) -> None:
    with pytest.raises(Unavailable, match=SENTENCE):
        check_database(pooler.url(mode))


def test_sessions_that_are_lent_are_refused_under_load_and_in_turns(pooler: PgBouncer) -> None:
    url = pooler.url("transaction")
    with ExitStack() as stack:
        for _ in range(5):  # leaves idle sessions of the server behind
            other = stack.enter_context(psycopg.connect(url))
            other.execute("SELECT 1")
        with pytest.raises(Unavailable, match=SENTENCE):
            check_database(url)
    pooler.take_turns()
    for _ in range(5):
        with pytest.raises(Unavailable, match=SENTENCE):
            check_database(url)
    check_database(pooler.url("session"))


def test_a_daemon_says_it_in_one_sentence_and_exits_3(
    pooler: PgBouncer, debian_postgres: Postgres, tmp_path: Path
) -> None:
    migrate_database(debian_postgres.url("pooled"), ISO_ONLY)

    receiver = TieoutProcess(
        tmp_path, pooler.url("transaction"), "redis://127.0.0.1:1/0", "receiver", "--port", "0"
    )

    assert receiver.process.wait(120) == 3, receiver.log()
    assert SENTENCE in receiver.log()
    assert "Traceback" not in receiver.log()
