"""The heartbeat of a worker goes on whatever the database answers."""

import threading

from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import Engine, create_engine
from structlog.testing import capture_logs

from ops.providers.worker_context import this_worker
from vocabulary.clock import SystemClock
from workers.heartbeat import Heartbeat
from workers.queue_pause import QueuePause

WAIT_S = 30
NOWHERE = "postgresql+psycopg://nobody@/nothing?host=/nowhere"


class RefusedAtFirst(QueuePause):
    """The database refuses to say what is paused, then says it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.refusals = 2
        self.refreshed = threading.Event()

    def refresh(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise PermissionError("permission denied for table paused_queues")
        self.refreshed.set()


def test_pauses_take_effect_again_once_the_database_refuses_no_more() -> None:
    engine = create_engine(NOWHERE)
    pauses = RefusedAtFirst(engine)
    worker = this_worker("worker", SystemClock())
    heartbeat = Heartbeat(engine, worker, pauses, lambda: None, path=None)
    broker = StubBroker(middleware=[])

    with capture_logs() as logs:
        heartbeat.before_worker_boot(broker, Worker(broker))
        assert pauses.refreshed.wait(WAIT_S)
        heartbeat.after_worker_shutdown(broker, Worker(broker))

    told = [log for log in logs if log["event"] == "heartbeat_unavailable"]
    assert [log["log_level"] for log in told] == ["critical", "info"]
