"""A scripted provider's API beside a test that waits in its own thread."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence

from tests.harness.providers.api_server import ApiServer, Scripted, served


@contextlib.contextmanager
def platform(script: Mapping[str, Sequence[Scripted]]) -> Iterator[ApiServer]:
    """A running API; its ``script`` may be changed meanwhile."""
    loop, begun = asyncio.new_event_loop(), threading.Event()
    found: list[ApiServer] = []
    over = asyncio.Event()

    async def serve() -> None:
        async with served(script) as server:
            found.append(server)
            begun.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert begun.wait(timeout=120)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=120)
        loop.close()
