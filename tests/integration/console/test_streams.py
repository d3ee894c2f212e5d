"""Live pages: events until the session, the source or the console ends, and never too many."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse

import pytest

from console.config import Visit
from console.gate import Route
from console.replies import EventStream, Reply, StreamEvent
from console.routes import ROUTES
from console.streams import SESSION_STREAMS_MAX
from storage.people import set_disabled, set_roles
from tests.harness.books.console import ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient, serving
from vocabulary.people import Right, Role

EVERY_S = 0.05
#: Longest wait for the end of a stream, in seconds.
PATIENCE_S = 20.0


def ticks(last_id: str) -> Sequence[StreamEvent]:
    """One event more than the browser has."""
    number = int(last_id) + 1 if last_id.isdecimal() else 1
    return [StreamEvent(name="values", data={"tick": f"{number}\n</p>"}, id=str(number))]


def live(_visit: Visit) -> Reply:
    return EventStream(read=ticks, every_s=EVERY_S)


def finished(_visit: Visit) -> Reply:
    return EventStream(read=lambda _: [StreamEvent.end("Done.")], every_s=EVERY_S)


def broken(_visit: Visit) -> Reply:
    def read(_last_id: str) -> Sequence[StreamEvent]:
        raise ZeroDivisionError("a secret of the source")

    return EventStream(read=read, every_s=EVERY_S)


TEST_ROUTES = (
    *ROUTES,
    Route(method="GET", path="/test/live", right=Right.READ, handler=live),
    Route(method="GET", path="/test/finished", right=Right.READ, handler=finished),
    Route(method="GET", path="/test/broken", right=Right.READ, handler=broken),
    Route(method="GET", path="/test/preparing", right=Right.PREPARE_DAYS, handler=live),
)


@pytest.fixture(scope="module")
def streaming(site: ConsoleSite) -> Iterator[ConsoleSite]:
    """The console with pages of events."""
    with serving(replace(site.console), TEST_ROUTES) as running:
        yield running


def opened(client: PageClient, path: str, stack: ExitStack, **headers: str) -> HTTPResponse:
    """A stream that is open until the stack ends."""
    connection = HTTPConnection("127.0.0.1", client.port, timeout=PATIENCE_S)
    stack.callback(connection.close)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    connection.request("GET", path, headers={**headers, "Cookie": cookies})
    return connection.getresponse()


def event_of(response: HTTPResponse) -> list[str]:
    """The lines of the next event or comment."""
    lines = []
    while line := response.readline().decode().rstrip("\n"):
        lines.append(line)
    return lines


def rest_of(response: HTTPResponse) -> str:
    """Everything until the server ends the stream."""
    return response.read().decode()


def test_a_stream_sends_what_came_since_and_leaves_no_way_to_forge_events(
    streaming: ConsoleSite,
) -> None:
    client = streaming.browser_of("nora")
    with ExitStack() as stack:
        response = opened(client, "/test/live", stack)
        first = [event_of(response) for _ in range(3)]
        resumed = opened(client, "/test/live", stack, **{"Last-Event-ID": "41"})
        second = [event_of(resumed) for _ in range(2)]
        forged = opened(client, "/test/live", stack, **{"Last-Event-ID": "41 data: x"})
        third = [event_of(forged) for _ in range(2)]

    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-store"
    assert "connect-src 'self'" in response.headers["Content-Security-Policy"]
    assert first[0] == ["retry: 5000"]
    assert first[1] == ["id: 1", "event: values", r'data: {"tick": "1\n</p>"}']
    assert first[2][0] == "id: 2"
    assert second[1][0] == "id: 42"
    assert third[1][0] == "id: 1"


def test_a_source_that_is_over_or_fails_ends_its_stream(streaming: ConsoleSite) -> None:
    client = streaming.browser_of("nora")
    with ExitStack() as stack:
        over = rest_of(opened(client, "/test/finished", stack))
        fault = rest_of(opened(client, "/test/broken", stack))

    assert over.endswith('event: end\ndata: {"why": "Done."}\n\n')
    assert "A fault of ours; the log has " in fault
    assert "secret" not in fault


def test_signing_out_ends_the_streams_of_the_session(streaming: ConsoleSite) -> None:
    client = streaming.browser_of("nora")
    with ExitStack() as stack:
        response = opened(client, "/test/live", stack)
        event_of(response)
        client.submit("/people", "/logout")
        sent = rest_of(response)

    assert "event: end" in sent
    assert "signed out" in sent


def test_disabling_the_person_or_taking_the_role_ends_their_streams(
    streaming: ConsoleSite, console_books: ConsoleBooks
) -> None:
    client = streaming.browser_of("only finance")
    with ExitStack() as stack:
        response = opened(client, "/test/live", stack)
        event_of(response)
        with console_books.books.engine.begin() as connection:
            set_disabled(connection, "only finance", disabled=True, by="ann")
        ended = rest_of(response)
        with console_books.books.engine.begin() as connection:
            set_disabled(connection, "only finance", disabled=False, by="ann")
        again = opened(streaming.browser_of("only finance"), "/test/preparing", stack)
        event_of(again)
        with console_books.books.engine.begin() as connection:
            set_roles(connection, "only finance", {Role.VIEWER}, by="ann")
        lost_right = rest_of(again)
        with console_books.books.engine.begin() as connection:
            set_roles(connection, "only finance", {Role.FINANCE}, by="ann")

    assert "event: end" in ended
    assert "may no longer see this" in lost_right


def test_a_stream_too_many_is_refused_and_pages_still_answer(streaming: ConsoleSite) -> None:
    client = streaming.browser_of("nora")
    with ExitStack() as stack:
        for _ in range(SESSION_STREAMS_MAX):
            event_of(opened(client, "/test/live", stack))
        refused = opened(client, "/test/live", stack)
        why = refused.read().decode()
        page = client.get("/people")

    assert refused.status == 429
    assert "Too many live pages" in why
    assert page.status == 200
    deadline = time.monotonic() + PATIENCE_S
    status = 429
    while status == 429 and time.monotonic() < deadline:  # the console sees that they left
        time.sleep(EVERY_S)
        with ExitStack() as stack:
            status = opened(client, "/test/live", stack).status
    assert status == 200


def test_a_console_that_stops_ends_its_streams(site: ConsoleSite) -> None:
    with ExitStack() as stack:
        with serving(replace(site.console), TEST_ROUTES) as stopping:
            response = opened(stopping.browser_of("nora"), "/test/live", stack)
            event_of(response)
            begun = time.monotonic()
        taken_s = time.monotonic() - begun
        sent = rest_of(response)

    assert taken_s < 5
    assert "event: end" not in sent  # browsers connect again when it is back
