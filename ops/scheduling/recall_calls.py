"""Call the recall job as soon as somebody demands rows: PostgreSQL announces each demand.

Nothing depends on an announcement. One that is lost, because the connection broke or a pool
shares it, costs the time until the job's next turn.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import structlog

from storage.engine import CONNECT_TIMEOUT_S

#: What the trigger of ``recalls`` announces on.
CHANNEL = "tieout_recalls"
#: Longest time between two looks whether to end.
TURN_S = 1.0
#: Time until a database that cannot be reached is tried again.
RETRY_S = 5.0

log = structlog.get_logger()


@contextmanager
def listening(database_url: str, on_demand: Callable[[str], None]) -> Iterator[None]:
    """Call back in a thread with the number of each demand, or of the newest of several."""
    ended = threading.Event()
    thread = threading.Thread(target=_listen, args=(database_url, on_demand, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _listen(
    database_url: str, on_demand: Callable[[str], None], ended: threading.Event
) -> None:
    is_logged = False
    while not ended.is_set():
        try:
            _hear(database_url, on_demand, ended)
        except psycopg.Error as error:
            if not is_logged:
                log.info("demands_not_announced", error=type(error).__name__)
            is_logged = True
            ended.wait(RETRY_S)


def _hear(database_url: str, on_demand: Callable[[str], None], ended: threading.Event) -> None:
    with psycopg.connect(
        database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
    ) as connection:
        connection.execute(f"LISTEN {CHANNEL}".encode())
        while not ended.is_set():
            for demand in connection.notifies(timeout=TURN_S):
                on_demand(demand.payload)
