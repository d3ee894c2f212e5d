"""The shared fixtures give what they promise."""

import psycopg
import redis


def test_a_test_database_is_migrated_and_its_own(database: str) -> None:
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT to_regclass('operations'), count(*) FROM wallets")
        assert tables.fetchone() == ("operations", 0)


def test_a_test_broker_database_starts_empty(broker_url: str) -> None:
    with redis.Redis.from_url(broker_url) as client:
        assert client.dbsize() == 0
        client.set("left", "over")


def test_the_next_test_broker_database_is_empty_again(broker_url: str) -> None:
    with redis.Redis.from_url(broker_url) as client:
        assert client.dbsize() == 0
