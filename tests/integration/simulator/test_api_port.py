"""Where the simulated APIs can be listened at."""

import asyncio
import socket

import pytest

from simulator.api.server import serve
from tests.harness.providers.systems import AGGREGATOR
from vocabulary.errors import Unavailable


def test_a_port_that_is_taken_is_said_to_be() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(Unavailable, match=f"port {port} cannot be listened at"):
                async with serve([AGGREGATOR], port, 1):
                    pytest.fail("it was served all the same")

    asyncio.run(run())
