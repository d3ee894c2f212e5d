"""Books whose old month is exported, and the same books after its bytes left."""

from collections.abc import Iterator

import pytest

from tests.conftest import TEMPLATE, PostgresServer
from tests.harness.books.archives.archived import Archivist, an_archivable_month
from tests.harness.tampering.sealed_day import MORNING


@pytest.fixture(scope="session")
def exported(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archivist]:
    """Books whose June 2020 is exported; tests change copies of ``month_exported`` only."""
    postgres.execute(f"CREATE DATABASE month_exported TEMPLATE {TEMPLATE}")
    folder = tmp_path_factory.mktemp("exported")
    archivist = an_archivable_month(postgres.url("month_exported"), folder)
    archivist.export()
    yield archivist
    postgres.execute("DROP DATABASE month_exported WITH (FORCE)")


@pytest.fixture(scope="session")
def released(postgres: PostgresServer, exported: Archivist) -> Iterator[Archivist]:
    """Books whose June 2020 is let go; tests change copies of ``month_released`` only."""
    postgres.execute("CREATE DATABASE month_released TEMPLATE month_exported")
    archivist = Archivist(exported.folder / "released", postgres.url("month_released"))
    archivist.folder.mkdir()
    archivist.let_go()
    yield archivist
    postgres.execute("DROP DATABASE month_released WITH (FORCE)")


@pytest.fixture(scope="session")
def dated(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archivist]:
    """As ``released``, with callbacks received in the month; tests change copies only."""
    postgres.execute(f"CREATE DATABASE month_dated TEMPLATE {TEMPLATE}")
    folder = tmp_path_factory.mktemp("dated")
    archivist = an_archivable_month(postgres.url("month_dated"), folder, at=MORNING)
    archivist.export()
    archivist.let_go()
    yield archivist
    postgres.execute("DROP DATABASE month_dated WITH (FORCE)")
