"""Logging: one line per event on standard error, JSON unless a person is watching.

Event names are noun_verb. A line carries ids, kinds, counts and durations; payloads, header
values and secrets are never passed to a logger, and keys with such names are struck out.
"""

import logging
import signal
import sys
from collections.abc import Mapping, MutableMapping
from functools import partial
from types import FrameType
from typing import Any

import structlog
from structlog.typing import Processor

#: Keys that must never reach a log, should anybody pass them.
FORBIDDEN = frozenset(
    {"authorization", "body", "headers", "payload", "raw", "secret", "secrets"}
)
STRUCK = "***"
#: The least severe level that is written, as a number; signals change it.
_threshold = [logging.INFO]


def configure(*, level: str = "info", console: bool | None = None) -> None:
    """Set up structlog for this process.

    Args:
        level: the least severe level written.
        console: readable lines instead of JSON; None: when standard error is a terminal.
    """
    set_level(level)
    readable = sys.stderr.isatty() if console is None else console
    last: Processor = (
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            drop_below_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            strike_forbidden,
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def set_level(level: str) -> None:
    """Write events of this level and above from now on."""
    _threshold[0] = logging.getLevelNamesMapping()[level.upper()]


def obey_level_signals() -> None:
    """Log everything from SIGUSR1 on, and as usual again from SIGUSR2 on.

    The handlers log nothing: they may interrupt a line that holds the log's lock.
    """
    for number, level in ((signal.SIGUSR1, "debug"), (signal.SIGUSR2, "info")):
        signal.signal(number, partial(_level_signalled, level))


def _level_signalled(level: str, _number: int, _frame: FrameType | None) -> None:
    set_level(level)


def drop_below_level(
    _logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Leave out what is less severe than the level in force."""
    name = {"warn": "warning", "exception": "error"}.get(method, method)
    if logging.getLevelNamesMapping().get(name.upper(), logging.INFO) < _threshold[0]:
        raise structlog.DropEvent
    return event


def strike_forbidden(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Strike out every key that could carry a provider's data or a secret."""
    return {key: STRUCK if key.lower() in FORBIDDEN else value for key, value in event.items()}
