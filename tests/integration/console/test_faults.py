"""A fault of ours is a page with an id, and the log shows no parameters of statements."""

import json
from collections.abc import Iterator

import pytest
import structlog
from aiohttp import web
from sqlalchemy import text

from console.app import ConsoleServer
from console.config import Visit
from console.gate import Incoming, Route, pass_gate
from console.layout import html_of
from console.replies import HtmlPage, Reply
from tests.harness.servers.console import ConsoleSite

INCOMING = Incoming(
    path={},
    query={},
    form={},
    cookie="",
    browser_token="",
    origin="",
    host="localhost",
    address="127.0.0.1",
    url="/",
    is_fetched_elsewhere=False,
)


def broken_statement(visit: Visit) -> Reply:
    with visit.console.readers.connect() as connection:
        connection.execute(text("SELECT :secret / 0"), {"secret": 421_337})
    raise AssertionError("the statement fails")


def broken_template(_visit: Visit) -> Reply:
    return HtmlPage(template="breaks/detail.html", values={})


def route_to(handler: object) -> Route:
    return Route(method="GET", path="/broken", right=None, handler=handler)  # type: ignore[arg-type]


@pytest.fixture
def logged() -> Iterator[list[dict[str, object]]]:
    with structlog.testing.capture_logs() as events:
        yield events  # type: ignore[misc]


def test_a_fault_is_a_page_with_the_id_of_the_log_and_without_parameters(
    site: ConsoleSite, logged: list[dict[str, object]]
) -> None:
    outcome = pass_gate(site.console, route_to(broken_statement), INCOMING)
    assert isinstance(outcome.reply, HtmlPage)
    page = html_of(outcome.reply, site.console, INCOMING, None)

    (event,) = logged
    assert (event["event"], event["error_id"]) == ("console_failed", outcome.error_id)
    assert outcome.status == 500
    assert outcome.error_id in page
    assert "division" not in page
    assert "421337" not in str(event["exc_info"]) + json.dumps(event, default=str)


def test_a_template_that_fails_is_a_page_too(site: ConsoleSite) -> None:
    server = ConsoleServer(site.console)
    response = server._answer(route_to(broken_template), INCOMING)

    assert isinstance(response, web.Response)
    assert response.status == 500
    assert response.headers["X-Error-Id"] in str(response.text)
