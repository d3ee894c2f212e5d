"""How many processors this process may use, and how many of them background work takes."""

import os

from ops.settings.model import Settings
from ops.work import Work


def usable_processors() -> int:
    """The processors that this process may run on."""
    return len(os.sched_getaffinity(0))


def jobs_of(settings: Settings, work: Work) -> int:
    """How many processes a part of the work uses.

    Work that yields to callbacks takes every processor; work that competes leaves them half.
    """
    processors = usable_processors()
    yields = getattr(settings.background, work.value) > 0
    return processors if yields else max(1, processors // 2)
