"""What is said about connections that were no requests, and about bugs in the server."""

from aiohttp.http_exceptions import BadHttpMessage
from structlog.testing import capture_logs

from webhooks.http_log import http_logger


def test_a_strangers_bytes_are_named_by_their_kind_and_never_quoted() -> None:
    stranger = BadHttpMessage("Invalid header: 'canary'")
    with capture_logs() as logs:
        http_logger().exception("Error handling request", exc_info=stranger)

    assert logs == [
        {"event": "request_not_http", "error": "BadHttpMessage", "log_level": "info"}
    ]


def test_a_bug_is_an_error_with_its_trace() -> None:
    bug = ZeroDivisionError("a bug")
    with capture_logs() as logs:
        http_logger().exception("Unhandled exception", exc_info=bug)

    assert [(one["event"], one["exc_info"]) for one in logs] == [("http_failed", bug)]


def test_the_servers_chatter_is_not_logged() -> None:
    with capture_logs() as logs:
        http_logger().debug("Ignored premature client disconnection")

    assert logs == []
