"""The fixtures of requested jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.requested_jobs import RequestedJobs


@pytest.fixture
def jobs(database: str, tmp_path: Path) -> Iterator[RequestedJobs]:
    made = RequestedJobs(database, tmp_path)
    yield made
    made.owner.dispose()
    made.console.dispose()
