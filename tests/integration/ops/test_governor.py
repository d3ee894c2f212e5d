"""A verify pauses while a receiver says that callbacks are slow, and still ends."""

import http.server
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest

from ledger.checks.run import CHECKS, verify
from ops.background.governor import PauseLimit, pace
from ops.metrics.background import background_samples
from ops.runtime.child_jobs import ChildJobs
from ops.settings.model import Settings
from storage.engine import open_engine
from tests.harness.servers.receiver import wait_until
from vocabulary.clock import SystemClock
from vocabulary.pacing import pause_point

LONG = timedelta(minutes=1)
#: As long as work between two pauses, in seconds.
CHUNK_S = 0.02


class SlowReceiver(http.server.BaseHTTPRequestHandler):
    """Each time it is asked it has answered a hundred more callbacks, none within 100 ms."""

    asked = count()

    def do_GET(self) -> None:
        total = 100 * next(self.asked)
        self.send_response(200)
        self.end_headers()
        for bound, counted in (("0.1", 0), ("0.3", total), ("+Inf", total)):
            name = f'tieout_callback_seconds_bucket{{le="{bound}",provider="agg"}}'
            self.wfile.write(f"{name} {counted}.0\n".encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def slow_receiver() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), SlowReceiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def verify_beside(receiver: str, url: str) -> tuple[list[str], float, dict[str, float]]:
    """In a child job: the checks, the longest pause before them, and the metric."""
    pace(
        PauseLimit(
            p99_s=0.025,
            least_share=0.5,
            work="proofs",
            receivers=(receiver,),
            database_url=url,
            read_every_s=0.05,
        )
    )
    wait_until(lambda: paused_after_a_chunk_s() > CHUNK_S / 2)
    longest_s = paused_after_a_chunk_s()
    engine = open_engine(url)
    checked = [result.name for result in verify(engine)]
    metric: dict[str, float] = {}

    def is_shown() -> bool:
        paused_after_a_chunk_s()
        with engine.connect() as connection:
            samples = background_samples(connection, Settings(), SystemClock().now())
            metric.update({sample.labels[0]: sample.value for sample in samples})
        return any(metric.values())

    wait_until(is_shown)
    engine.dispose()
    return checked, longest_s, metric


def paused_after_a_chunk_s() -> float:
    time.sleep(CHUNK_S)
    started = time.monotonic()
    pause_point()
    return time.monotonic() - started


def test_a_slow_receiver_slows_a_verify_which_still_ends(
    slow_receiver: str, database: str
) -> None:
    checked, longest_s, metric = ChildJobs().call(
        verify_beside, slow_receiver, database, timeout=LONG
    )

    assert checked == [check.name for check in CHECKS]
    assert longest_s >= CHUNK_S / 2
    assert metric.pop("proofs") >= CHUNK_S
    assert set(metric.values()) == {0}
