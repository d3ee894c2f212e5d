"""What Dramatiq repeats during an outage is written once, then counted."""

import logging

from dramatiq.errors import ConnectionClosed
from redis.exceptions import TimeoutError as RedisTimeoutError

from ops.runtime.log_sampling import EVERY_S, OutageFilter


class Collector(logging.Handler):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def test_two_minutes_without_the_broker_are_a_few_lines_without_tracebacks() -> None:
    now = [0.0]
    written = Collector()
    written.addFilter(OutageFilter(lambda: now[0]))
    logger = logging.Logger("dramatiq.worker.ConsumerThread(post)")
    logger.addHandler(written)
    for _ in range(250):
        timeout = RedisTimeoutError("Timeout reading from socket")
        logger.critical("Consumer encountered an unexpected error.", exc_info=timeout)
        gone = ConnectionClosed("gone")  # type: ignore[no-untyped-call]
        logger.critical("Consumer encountered a connection error: %s", gone)
        logger.info("Restarting consumer in %0.2f seconds.", 3.0)
        now[0] += 120 / 250

    kinds = 3
    assert len(written.lines) <= kinds * (120 / EVERY_S + 1)
    assert "Traceback" not in "".join(written.lines)
    assert "Consumer encountered an unexpected error. (TimeoutError)" in written.lines
    assert any("20 more" in line for line in written.lines)


def test_what_tells_of_no_outage_is_written_in_full_each_time() -> None:
    written = Collector()
    written.addFilter(OutageFilter())
    logger = logging.Logger("dramatiq.worker")
    logger.addHandler(written)
    for _ in range(3):
        logger.critical("Failed to process message", exc_info=KeyError("a bug"))

    assert len(written.lines) == 3
    assert all("KeyError" in line for line in written.lines)
