"""What Dramatiq imports in each worker process: the broker, with every actor declared.

Settings and engine addresses come through the environment that ``tieout worker`` prepared.
"""

import ctypes
import multiprocessing
import os
import signal

import dramatiq
from dramatiq.middleware import CurrentMessage, Retries, ShutdownNotifications, TimeLimit

from ops import logs, step_signals
from ops.providers import configured
from ops.settings_source import load
from storage.broker import open_broker
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from workers.actors import declare
from workers.jobs import Desk
from workers.outcomes import ATTEMPTS_MAX

#: Longest run of one message, in milliseconds; a posting takes well under a second.
TIME_LIMIT_MS = 120_000

if multiprocessing.parent_process() is not None:
    # A killed master must not leave workers behind that nobody watches.
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))  # PR_SET_PDEATHSIG

logs.configure()
settings = load(None, os.environ)
step_signals.install(settings, os.environ)
desk = Desk(
    engine=open_engine(settings.database.url, pool_size=settings.workers.threads + 1),
    clock=SystemClock(),
    providers={
        slug: (found.dialect, found.provider) for slug, found in configured(settings).items()
    },
)
broker = open_broker(
    settings.broker.url,
    [
        TimeLimit(time_limit=TIME_LIMIT_MS),
        ShutdownNotifications(),
        Retries(max_retries=ATTEMPTS_MAX),
        CurrentMessage(),
    ],
)
declare(broker, desk)
dramatiq.set_broker(broker)
