"""Logging: one line per event on standard error, JSON unless a person is watching.

Event names are noun_verb. A line carries ids, kinds, counts and durations; payloads, header
values and secrets are never passed to a logger, and keys with such names are struck out.

A daemon's lines also say who wrote them: ``role``, ``process`` (its pid), ``host`` and
``source``, the module or library. What libraries log becomes a line of the same kind, its text
the event.
"""

import logging
import os
import signal
import socket
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
#: Frames of these packages are not the source of a line.
_LOGGING_PACKAGES = ("structlog.", "logging", __name__)
#: Libraries whose ordinary course of things is logged; of all others only warnings are.
_TELLING = ("dramatiq",)
#: The least severe level that is written, as a number; signals change it.
_threshold = [logging.INFO]


def configure(
    *, level: str = "info", console: bool | None = None, role: str | None = None
) -> None:
    """Set up the log of this process.

    Args:
        level: the least severe level written.
        console: readable lines instead of JSON; None: when standard error is a terminal.
        role: of a daemon: named in each JSON line, and libraries log to the same stream.
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
            *([] if readable or role is None else [_writer(role)]),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    if role is not None:
        _take_over_libraries()


def _writer(role: str) -> Processor:
    """Adds who wrote a line."""
    fixed = {"role": role, "process": os.getpid(), "host": socket.gethostname()}

    def add(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        return {**event, **fixed, "source": event.get("source") or _calling_module()}

    return add


def _calling_module() -> str:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(_LOGGING_PACKAGES):
            return module
        frame = frame.f_back
    return ""


def _take_over_libraries() -> None:
    """Write what libraries log, and Python's warnings, as lines of this log."""
    root = logging.getLogger()
    root.handlers[:] = [LibraryHandler()]
    root.setLevel(logging.WARNING)
    for name in _TELLING:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


class LibraryHandler(logging.Handler):
    """Writes records of the standard library's ``logging`` as lines of this log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            structlog.get_logger().log(
                record.levelno,
                record.getMessage(),
                source=record.name,
                **({"exc_info": record.exc_info} if record.exc_info else {}),
            )
        except Exception:  # noqa: BLE001 - as the standard library's own handlers
            self.handleError(record)


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
