"""Logging: one line per event on standard error, JSON unless a person is watching.

Event names are noun_verb. A line carries ids, kinds, counts and durations; payloads, header
values and secrets are never passed to a logger, and keys with such names are struck out.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

#: Keys that must never reach a log, should anybody pass them.
FORBIDDEN = frozenset(
    {"authorization", "body", "headers", "payload", "raw", "secret", "secrets"}
)
STRUCK = "***"


def configure(*, level: str = "info", console: bool | None = None) -> None:
    """Set up structlog for this process.

    Args:
        level: the least severe level written.
        console: readable lines instead of JSON; None: when standard error is a terminal.
    """
    readable = sys.stderr.isatty() if console is None else console
    last: Processor = (
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            strike_forbidden,
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def strike_forbidden(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Strike out every key that could carry a provider's data or a secret."""
    return {key: STRUCK if key.lower() in FORBIDDEN else value for key, value in event.items()}
