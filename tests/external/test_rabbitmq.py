"""RabbitMQ as the broker: the whole story, and what its messages do."""

from pathlib import Path

import pytest

from tests.external.servers import RabbitMQ
from tests.external.stories import play

pytestmark = pytest.mark.timeout(600)


def test_a_rabbitmq_killed_under_load_loses_and_doubles_nothing(
    books_url: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    play(tmp_path, books_url, rabbitmq.tls_url(), rabbitmq)
