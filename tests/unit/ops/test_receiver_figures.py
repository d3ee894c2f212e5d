"""Figures of receivers: added up, of the last minute, right after a restart."""

import http.server
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from console.pipeline import ReceiverFigures
from ops.pipeline.receivers import ReceiverReader
from vocabulary.clock import FrozenClock

HEAD = """
# TYPE tieout_callbacks counter
tieout_callbacks_total{provider="lottery",route="/bet",verdict="accepted"} ACCEPTED
tieout_callbacks_total{provider="lottery",route="/bet",verdict="not_authentic"} REFUSED
# TYPE tieout_callback_seconds histogram
tieout_callback_seconds_bucket{provider="lottery",le="0.001"} LOW
tieout_callback_seconds_bucket{provider="lottery",le="0.01"} HIGH
tieout_callback_seconds_bucket{provider="lottery",le="+Inf"} ALL
# TYPE tieout_callbacks_pending gauge
tieout_callbacks_pending 2.0
"""


class FakeReceiver(http.server.BaseHTTPRequestHandler):
    """Serves the counts that a test chose."""

    counts = ("0", "0", "0", "0", "0")
    started = 0.0

    def do_GET(self) -> None:
        names = ("ACCEPTED", "REFUSED", "LOW", "HIGH", "ALL")
        text = HEAD
        for name, count in zip(names, self.counts, strict=True):
            text = text.replace(f" {name}\n", f" {count}\n")
        if self.started:
            text += f"process_start_time_seconds {self.started}\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Log nothing."""


class Returning(FakeReceiver):
    """One that does not answer at first."""

    is_away = True

    def do_GET(self) -> None:
        if not self.is_away:
            super().do_GET()


@contextmanager
def served(handler: type[FakeReceiver]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def url() -> Iterator[str]:
    with served(FakeReceiver) as at:
        yield at


def read(reader: ReceiverReader, *counts: int) -> ReceiverFigures:
    FakeReceiver.counts = tuple(str(count) for count in counts)  # type: ignore[assignment]
    figures = reader.read().value
    assert figures is not None
    return figures


def test_rates_are_unknown_at_first_then_of_what_came_since(url: str) -> None:
    now = [100.0]
    reader = ReceiverReader([url], is_exact=True, clock=lambda: now[0])
    first = read(reader, 90, 10, 50, 99, 100)
    now[0] += 10
    second = read(reader, 190, 10, 50, 199, 200)
    now[0] += 10
    restarted = read(reader, 20, 0, 20, 20, 20)

    assert first.over is None
    assert first.pending == 2
    (traffic,) = first.traffic
    assert (traffic.total, traffic.per_second) == (100, None)
    assert first.refusals[0].recent is None
    assert first.refusals[0].total == 10
    (traffic,) = second.traffic
    assert (traffic.total, traffic.per_second) == (200, 10.0)
    assert traffic.p50_s == pytest.approx(0.0055)
    assert second.refusals[0].recent == 0
    (traffic,) = restarted.traffic
    assert (traffic.total, traffic.per_second) == (20, 1.0)


def test_answers_beyond_the_last_bucket_take_longer_than_it_says(url: str) -> None:
    (traffic,) = read(ReceiverReader([url], is_exact=True), 10, 0, 0, 0, 10).traffic

    assert traffic.p99_s == math.inf


def test_a_receiver_that_is_away_is_named_where_it_has_to_answer(url: str) -> None:
    away = "http://127.0.0.1:1"
    figures = read(ReceiverReader([url, away], is_exact=True), 90, 10, 0, 100, 100)
    near = read(ReceiverReader([url, away], is_exact=False), 90, 10, 0, 100, 100)
    none = ReceiverReader([away], is_exact=True).read()

    assert [process.is_answering for process in figures.processes] == [True, False]
    assert len(near.processes) == 1
    assert none.value is None
    assert "none answers at http://127.0.0.1:1" in none.why


@pytest.mark.parametrize(
    ("started", "per_second"), [(1_000.0, 10.0), (900_105.0, 30.0)], ids=["away", "new"]
)
def test_what_a_receiver_counted_before_it_answered_again_is_not_of_the_last_minute(
    url: str, started: float, per_second: float
) -> None:
    now, wall = [100.0], FrozenClock(datetime.fromtimestamp(900_100, UTC))
    Returning.is_away, Returning.started = True, started
    with served(Returning) as other:
        reader = ReceiverReader(
            [url, other],
            is_exact=True,
            clock=lambda: now[0],
            wall=wall,
        )
        read(reader, 90, 10, 50, 99, 100)
        Returning.is_away = False
        now[0] += 10
        wall.instant += timedelta(seconds=10)
        (traffic,) = read(reader, 190, 10, 50, 199, 200).traffic

    assert (traffic.total, traffic.per_second) == (400, per_second)
