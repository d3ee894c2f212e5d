"""Every route for every role and for nobody: who gets in is what the table of rights says."""

import re

import pytest

from console.gate import Route
from console.routes import ROUTES
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient
from vocabulary.people import RIGHTS, Role


@pytest.fixture(scope="module")
def clients(site: ConsoleSite) -> dict[Role, PageClient]:
    """One browser for each role, of a person who has only this one."""
    return {role: site.browser_of(f"only {role}") for role in Role}


def path_of(route: Route, break_id: str) -> str:
    """An address of the route that exists."""
    parts = {"provider": "lottery", "day": DAY, "id": break_id, "code": "none", "file": "1"}
    parts |= {"queue": "post", "action": "requeue", "rule": "ops", "chart": "ggr"}
    parts |= {"round": "r1", "player": "ann", "side": "request", "note": "0", "number": "1"}
    parts |= {"name": "Break"}
    run = "run-none" if route.path.startswith("/runs") else None
    return re.sub(r"\{(\w+)\}", lambda part: run or parts[part[1]], route.path)


def send(client: PageClient, route: Route, path: str, token: str) -> int:
    """Ask for a page, or send a form without anything in it that would change the books."""
    if route.method == "GET":
        return client.get(path).status
    return client.post(path, {"form_token": token}).status


def test_each_route_lets_in_the_roles_of_the_table_and_nobody_else(
    clients: dict[Role, PageClient], console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r1")
    wrong = []
    for role, client in clients.items():
        token = client.get("/").field("form_token")
        for route in ROUTES:
            if route.right is None or route.path == "/logout":
                continue
            status = send(client, route, path_of(route, break_id), token)
            may = route.right in RIGHTS[role]
            if (status == 403) == may or status >= 500:
                wrong.append((role, route.method, route.path, status))

    assert wrong == []


def test_without_a_session_every_route_but_signing_in_leads_there(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r1")
    client = site.browser()
    token = client.get("/login").field("form_token")
    for route in ROUTES:
        path = path_of(route, break_id)
        if route.right is None:
            continue
        if route.method == "GET":
            reply = client.get(path)
        else:
            reply = client.post(path, {"form_token": token})
        assert reply.status == 303, route
        assert reply.location.startswith("/login"), route


def test_nobody_changed_anything(console_books: ConsoleBooks) -> None:
    assert console_books.state_of(console_books.break_of("r1")) == "open"
    assert console_books.rows("SELECT count(*) FROM break_notes") == [(0,)]
    assert console_books.rows("SELECT count(*) FROM day_steps") == [(0,)]


def test_only_sign_in_and_links_need_no_right() -> None:
    public = {(route.method, route.path) for route in ROUTES if route.right is None}

    assert public == {
        *((method, path) for path in ("/login", "/reset/{code}") for method in ("GET", "POST")),
        *(("GET", path) for path in ("/sso", "/sso/callback")),
    }


@pytest.mark.parametrize(
    "path", ["/nothing", "/breaks/../static/console.css", "/static/../app.py"]
)
def test_what_is_no_route_is_a_page_that_says_so(site: ConsoleSite, path: str) -> None:
    reply = site.browser().get(path)

    assert reply.status == 404
