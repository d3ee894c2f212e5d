"""Servers of one's own for the tests. Never skipped: what is missing is installed."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.external.servers import (
    Certificate,
    Postgres,
    RabbitMQ,
    Redis,
    Server,
    install,
    make_certificate,
)

_numbers = itertools.count()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for servers, once they are installed."""
    install()
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def certificate(place: Path) -> Certificate:
    return make_certificate(place)


def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="session")
def debian_postgres(place: Path, certificate: Certificate) -> Iterator[Server]:
    yield from running(Postgres(place / "postgres", certificate))


@pytest.fixture(scope="session")
def debian_redis(place: Path, certificate: Certificate) -> Iterator[Server]:
    yield from running(Redis(place / "redis", certificate))


@pytest.fixture(scope="session")
def rabbitmq(place: Path, certificate: Certificate) -> Iterator[Server]:
    yield from running(RabbitMQ(place / "rabbitmq", certificate))


@pytest.fixture
def books_url(debian_postgres: Postgres) -> Iterator[str]:
    """An empty database, its schema not made yet."""
    name = f"books_{next(_numbers)}"
    debian_postgres.execute(f"CREATE DATABASE {name}")
    yield debian_postgres.url(name)
    debian_postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
