"""What Dramatiq imports in each worker process: the broker, with every actor declared.

Settings and engine addresses come through the environment that ``tieout worker`` prepared.
"""

import ctypes
import functools
import multiprocessing
import os
import signal
from pathlib import Path
from random import Random

import dramatiq
from dramatiq.middleware import CurrentMessage, Retries, ShutdownNotifications, TimeLimit

from ops.providers.inquiries import asker, terms_of
from ops.providers.worker_context import desk_at, own_name
from ops.runtime import logs, test_signals
from ops.settings.loader import load
from storage.broker.redis import open_broker
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from workers.actors import declare, park_bug
from workers.heartbeat import Heartbeat
from workers.outcomes import ATTEMPTS_MAX, JobRunner
from workers.queue_pause import QueuePause
from workers.watchdog import ProgressWatch

#: Longest run of one message, in milliseconds; a posting takes well under a second.
TIME_LIMIT_MS = 120_000
#: Beyond its limit a message is given so long to notice, in seconds, before its thread hangs.
NOTICE_S = 30
#: Where this process shows its progress to whoever supervises it; unset: nowhere.
PULSE_VARIABLE = "TIEOUT_PULSE"

if multiprocessing.parent_process() is not None:
    # A killed master must not leave workers behind that nobody watches.
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))  # PR_SET_PDEATHSIG

logs.configure()
settings = load(None, os.environ)
test_signals.install(settings, os.environ)
# Beyond the threads': one for the gate, one to spare.
engine = open_engine(settings.database.url, pool_size=settings.workers.threads + 2)
worker = own_name("worker", SystemClock())
gate = QueuePause(engine)
progress = ProgressWatch(
    turn_s=settings.workers.stuck_after.total_seconds(),
    message_s=TIME_LIMIT_MS / 1000 + NOTICE_S,
)
path = os.environ.get(PULSE_VARIABLE)
pulse = Heartbeat(engine, worker, gate, progress.stuck, Path(path) if path else None)
broker = open_broker(
    settings.broker.url,
    [
        TimeLimit(time_limit=TIME_LIMIT_MS),
        ShutdownNotifications(),
        Retries(max_retries=ATTEMPTS_MAX),
        CurrentMessage(),
        progress,
        gate,
        pulse,
    ],
)
progress.watch(broker)
desk = desk_at(engine, settings, worker=worker.name, hold=gate.hold)
settler = JobRunner(broker, Random(), functools.partial(park_bug, desk))  # noqa: S311 - spreads
declare(broker, desk, settler, asker(settings), terms_of(settings))
dramatiq.set_broker(broker)
