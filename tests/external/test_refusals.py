"""PostgreSQL and Redis of one's own: what they refuse is said in a sentence; exit code 3."""

from pathlib import Path

import psycopg
import pytest

from ops.commands.setup.migrate import migrate_database
from ops.engines.server_checks import check_broker, check_database, too_old
from tests.external.servers import HOST, Postgres, Redis
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import TieoutProcess
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Unavailable

pytestmark = pytest.mark.timeout(600)


def test_what_postgres_refuses_is_said_without_the_password(debian_postgres: Postgres) -> None:
    refusals = {
        debian_postgres.url("postgres", password="canary"): "password authentication failed",
        debian_postgres.url("nothing"): 'database "nothing" does not exist',
        f"postgresql://u:canary@{HOST}:{free_port()}/x": "Connection refused",
        debian_postgres.url("postgres").split("&")[0]: "root certificate file",
    }
    for url, reason in refusals.items():
        with pytest.raises(Unavailable, match=r"^database\.url \(postgresql://") as refused:
            check_database(url)
        assert reason in str(refused.value)
        assert "canary" not in str(refused.value)
    check_database(debian_postgres.url("postgres"))


def test_a_role_that_may_not_make_the_schema_is_told_so(
    debian_postgres: Postgres, books_url: str
) -> None:
    debian_postgres.execute("CREATE ROLE visitor LOGIN PASSWORD 'visitor'")
    name = books_url.partition("?")[0].rpartition("/")[2]
    url = debian_postgres.url(name, user="visitor", password="visitor")

    with pytest.raises(Unavailable, match="may not make our schema: permission denied"):
        migrate_database(url, ISO_ONLY)

    with psycopg.connect(books_url) as connection:
        made = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert made.fetchone() == (0,)


def test_what_redis_refuses_is_said_without_the_password(debian_redis: Redis) -> None:
    rights = "on >visitor ~other:* +@all".split()
    debian_redis.execute("ACL", "SETUSER", "visitor", *rights)
    refusals = {
        debian_redis.url(password="canary"): "invalid username-password pair",
        f"redis://{HOST}:{debian_redis.port}/0": "it asks for a password",
        debian_redis.url(user="visitor", password="visitor"): "permission",
        f"redis://:canary@{HOST}:{free_port()}/0": "Connection refused",
        debian_redis.tls_url().split("?")[0]: "certificate verify failed",
    }
    for url, reason in refusals.items():
        with pytest.raises(Unavailable, match=r"^broker\.url \(rediss?://") as refused:
            check_broker(url)
        assert reason in str(refused.value)
        assert "canary" not in str(refused.value)
    check_broker(debian_redis.tls_url())


@pytest.mark.parametrize(
    ("found", "least", "complaint"),
    [
        ((14,), (15,), "X 14 is too old, at least 15 is needed"),
        ((6, 0), (6, 2), "X 6.0 is too old, at least 6.2 is needed"),
        ((15,), (15,), None),
        ((7, 0), (6, 2), None),
        ((10, 0), (6, 2), None),
    ],
)
def test_a_server_older_than_we_know_is_refused(
    found: tuple[int, ...], least: tuple[int, ...], complaint: str | None
) -> None:
    assert too_old("X", found, least) == complaint


@pytest.mark.parametrize("words", [("init",), ("migrate",), ("up", "--port", "0")])
def test_commands_say_what_is_wrong_and_start_nothing(
    debian_postgres: Postgres, debian_redis: Redis, tmp_path: Path, words: tuple[str, ...]
) -> None:
    refused = debian_postgres.url("postgres", password="canary")
    words = tuple(str(free_port()) if word == "0" else word for word in words)
    command = TieoutProcess(tmp_path, refused, debian_redis.url(), *words)
    code = command.process.wait(120)

    assert code == 3, command.log()
    assert "password authentication failed" in command.log()
    assert "canary" not in command.log()
    assert "Traceback" not in command.log()
    assert list((tmp_path / "data").glob("postgres*")) == []
