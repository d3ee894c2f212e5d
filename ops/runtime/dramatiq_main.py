"""The module that Dramatiq imports in each worker process: the broker with every actor.

Settings and engine addresses come from the environment that ``tieout worker`` prepared.
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
from ops.providers.worker_context import this_worker, worker_context_of
from ops.runtime import fault_signals, logs
from ops.runtime.log_sampling import sample_outages
from ops.runtime.service_manager import ServiceManager
from ops.settings.loader import load
from storage.broker.redis import open_broker
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from workers.actors import declare_actors, park_failed_job
from workers.heartbeat import Heartbeat
from workers.outcomes import ATTEMPTS_MAX, JobRunner
from workers.queue_pause import QueuePause
from workers.watchdog import ProgressWatch

#: Longest run of one message, in milliseconds; a posting takes well under a second.
TIME_LIMIT_MS = 120_000
#: How long a message may exceed its limit, in seconds, before its thread counts as hanging.
NOTICE_S = 30
#: Names the heartbeat file for the supervisor; unset: none.
PULSE_VARIABLE = "TIEOUT_PULSE"

if multiprocessing.parent_process() is not None:
    # A killed master must not leave unsupervised workers behind.
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))  # PR_SET_PDEATHSIG

logs.configure(role="worker")
sample_outages()
settings = load(None, os.environ)
fault_signals.install(settings, os.environ)
# Two more than threads: one for the queue pauses, one to spare.
engine = open_engine(settings.database.url, pool_size=settings.workers.threads + 2)
worker = this_worker("worker", SystemClock())
queue_pause = QueuePause(engine)
progress = ProgressWatch(
    poll_timeout_s=settings.workers.stuck_after.total_seconds(),
    message_timeout_s=TIME_LIMIT_MS / 1000 + NOTICE_S,
)
path = os.environ.get(PULSE_VARIABLE)
heartbeat = Heartbeat(
    engine,
    worker,
    queue_pause,
    progress.hang_reason,
    path=Path(path) if path else None,
    on_progress=ServiceManager(os.environ).alive,
)
broker = open_broker(
    settings.broker.url,
    [
        TimeLimit(time_limit=TIME_LIMIT_MS),
        ShutdownNotifications(),
        Retries(max_retries=ATTEMPTS_MAX),
        CurrentMessage(),
        progress,
        queue_pause,
        heartbeat,
    ],
)
progress.watch(broker)
context = worker_context_of(
    engine, settings, worker=worker.name, pause_reason=queue_pause.pause_reason
)
runner = JobRunner(broker, Random(), functools.partial(park_failed_job, context))  # noqa: S311 - spreads
declare_actors(broker, context, runner, asker(settings), terms_of(settings))
dramatiq.set_broker(broker)
