"""What the HTTP server has to say, as events of ours. A stranger's bytes reach no log."""

import logging

import structlog
from aiohttp.http_exceptions import HttpProcessingError

log = structlog.get_logger()


class HttpLog(logging.Handler):
    """One event for each trouble. A request that is no HTTP is the sender's trouble."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the kind of a stranger's error, and all of an error of our own."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            log.info("request_not_http", error=type(error).__name__)
        else:
            log.error("http_failed", event_text=record.msg, exc_info=error)


def http_logger() -> logging.Logger:
    """A logger for aiohttp that writes through ours, and nowhere else."""
    logger = logging.Logger("tieout.http", logging.WARNING)
    logger.addHandler(HttpLog())
    return logger
