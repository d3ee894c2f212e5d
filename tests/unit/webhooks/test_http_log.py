"""Protocol errors of clients are logged by type only, bugs of the server in full."""

from aiohttp.http_exceptions import BadHttpMessage
from structlog.testing import capture_logs

from webhooks.server_error_log import http_logger


def test_a_protocol_error_is_logged_by_type_and_never_quoted() -> None:
    protocol_error = BadHttpMessage("Invalid header: 'canary'")
    with capture_logs() as logs:
        http_logger().exception("Error handling request", exc_info=protocol_error)

    assert logs == [
        {"event": "request_not_http", "error": "BadHttpMessage", "log_level": "info"}
    ]


def test_a_bug_is_logged_as_an_error_with_its_trace() -> None:
    bug = ZeroDivisionError("a bug")
    with capture_logs() as logs:
        http_logger().exception("Unhandled exception", exc_info=bug)

    assert [(log["event"], log["exc_info"]) for log in logs] == [("http_failed", bug)]


def test_debug_messages_of_the_server_are_not_logged() -> None:
    with capture_logs() as logs:
        http_logger().debug("Ignored premature client disconnection")

    assert logs == []
