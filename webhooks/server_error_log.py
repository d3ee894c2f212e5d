"""Logs errors of the HTTP server as structured events, without any bytes of the request."""

import logging

import structlog
from aiohttp.http_exceptions import HttpProcessingError

log = structlog.get_logger()


class HttpLog(logging.Handler):
    """Turns each record of the HTTP server into one event."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log only the type of a client's protocol error, but an error of ours in full."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            log.info("request_not_http", error=type(error).__name__)
        else:
            log.error("http_failed", event_text=record.msg, exc_info=error)


def http_logger() -> logging.Logger:
    """A logger for aiohttp that writes to structlog only."""
    logger = logging.Logger("tieout.http", logging.WARNING)
    logger.addHandler(HttpLog())
    return logger
