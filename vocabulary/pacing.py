"""Where long work may pause, so that callbacks come first.

What reads or writes many rows calls ``pause_point`` between two chunks, where a pause keeps
nobody waiting who must not wait. Whether it pauses is decided by who started the process.
"""

import os
from collections.abc import Callable


def _go_on() -> None:
    """No pause: nobody asked for any."""


_pause: list[Callable[[], None]] = [_go_on]


def pause_point() -> None:
    """Pause if callbacks are slow and this process is background work."""
    _pause[0]()


def pause_by(pause: Callable[[], None]) -> None:
    """Call this at each point where the work of this process may pause."""
    _pause[0] = pause


def never_pause() -> None:
    """Let the work of this process go on again."""
    _pause[0] = _go_on


# The thread that knows how slow callbacks are stays in the parent.
os.register_at_fork(after_in_child=never_pause)
