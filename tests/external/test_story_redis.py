"""The whole story on Debian's PostgreSQL and Redis, both with passwords and over TLS."""

from pathlib import Path

import pytest

from tests.external.servers import Redis
from tests.external.stories import play

pytestmark = pytest.mark.timeout(600)


def test_a_redis_killed_under_load_loses_and_doubles_nothing(
    books_url: str, debian_redis: Redis, tmp_path: Path
) -> None:
    play(tmp_path, books_url, debian_redis.tls_url(), debian_redis)
