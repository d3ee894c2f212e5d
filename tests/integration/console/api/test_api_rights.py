"""Who may call the API: every endpoint for every role, scope and nobody; tokens end."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import text

from console.accounts.attempts import PER_NAME_AND_ADDRESS
from console.api.endpoint import Endpoint, Read
from console.api.endpoints import ENDPOINTS
from storage.people import set_disabled, set_roles
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.api import BASE, ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, serving
from vocabulary.people import RIGHTS, Right, Role

_WRITE_OFF = next(e for e in ENDPOINTS if e.path == "/breaks/{id}/write-off")


def path_of(endpoint: Endpoint, break_id: str) -> str:
    """An address of the endpoint that exists, or names nothing."""
    parts = {"provider": "lottery", "day": DAY, "id": break_id, "file": "1", "note": "0"}
    parts |= {"queue": "post", "action": "requeue", "rule": "ops", "chart": "ggr"}
    parts |= {"round": "r1", "player": "ann", "side": "request", "number": "1"}
    path = re.sub(r"\{(\w+)\}", lambda part: parts[part[1]], endpoint.path)
    return f"{path}?q=ann" if path == "/find" else path


def status_of(client: ApiClient, endpoint: Endpoint, path: str) -> int:
    """Ask for a thing, or act in a way that is refused after the right was checked."""
    if isinstance(endpoint, Read):
        return client.get(path).status
    return client.act(path, headers={"If-Match": '"none"'}, body={"nothing": "x"}).status


def test_each_endpoint_lets_in_the_roles_of_the_table_and_nobody_else(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    break_id, wrong = console_books.break_of("r1"), []
    for role in Role:
        client = ApiClient(site.port, token_for(site, f"only {role}"))
        for endpoint in ENDPOINTS:
            assert endpoint.right is not None
            status = status_of(client, endpoint, path_of(endpoint, break_id))
            may = endpoint.right in RIGHTS[role]
            if (status == 403) == may or status >= 500 or status == 401:
                wrong.append((role, endpoint.method, endpoint.path, status))

    assert wrong == []


def test_each_scope_lets_in_its_right_and_no_other(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    break_id, wrong = console_books.break_of("r1"), []
    for right in sorted({endpoint.right for endpoint in ENDPOINTS if endpoint.right}):
        client = ApiClient(site.port, token_for(site, "only admin", {right}))
        for endpoint in ENDPOINTS:
            status = status_of(client, endpoint, path_of(endpoint, break_id))
            if (status == 403) == (endpoint.right is right):
                wrong.append((right, endpoint.method, endpoint.path, status))

    assert wrong == []


def test_only_the_scope_of_write_offs_lets_a_token_write_off(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r1")
    many = {"action": "write-off", "ids": [break_id], "count": 1, "reason": "small"}
    corrects = ApiClient(site.port, token_for(site, "nora", {Right.PROPOSE, Right.WORK_BREAKS}))
    writes_off = ApiClient(site.port, token_for(site, "nora", {Right.WRITE_OFF}))

    def statuses(client: ApiClient) -> list[int]:
        one = status_of(client, _WRITE_OFF, path_of(_WRITE_OFF, break_id))
        return [one, client.act("/breaks/bulk", many).status]

    assert statuses(corrects) == [403, 403]
    assert status_of(writes_off, _WRITE_OFF, path_of(_WRITE_OFF, break_id)) != 403
    assert console_books.state_of(break_id) == "open"


def test_without_a_token_every_endpoint_is_closed(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r1")
    browser = site.browser_of("maria")
    for endpoint in ENDPOINTS:
        path = path_of(endpoint, break_id)
        reply = ApiClient(site.port).send(endpoint.method, path)
        by_cookie = browser.send(endpoint.method, f"{BASE}{path}", headers={})
        assert reply.status == by_cookie.status == 401, endpoint
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
        assert reply.headers["Content-Type"] == "application/problem+json"
    assert console_books.state_of(break_id) == "open"
    assert browser.get(f"{BASE}/openapi.json").status == 200


def test_a_session_counts_only_with_its_form_token_and_from_our_pages(
    site: ConsoleSite,
) -> None:
    browser, other = site.browser_of("maria"), site.browser_of("jonas")
    token = browser.get("/tokens").field("form_token")
    foreign = other.get("/tokens").field("form_token")
    path = f"{BASE}/me"

    def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return browser.send("GET", path, headers=named).status

    assert status(X_Form_Token=token) == 200
    assert status(X_Form_Token=foreign) == 401
    assert status(X_Form_Token="\xff") == 401
    assert status(X_Form_Token=token, Sec_Fetch_Site="cross-site") == 403
    assert status(X_Form_Token=token, Origin="https://evil.example") == 403
    assert status(X_Form_Token=token, Authorization="Basic bWFyaWE6eA==") == 401


def test_a_token_is_made_on_its_page_shown_once_and_revoked(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    browser = site.browser_of("maria")
    fields = {"name": "nightly export", "days": "30", "scope_read": "yes"}
    made = browser.submit("/tokens", "/tokens", **fields)
    found = re.search(r"tieout_api_[\w-]{43}", made.text)
    assert found is not None
    client = ApiClient(site.port, found[0])
    me = json_of(client.get("/me"))
    listed = browser.get("/tokens")
    (token_id,) = re.findall(r"/tokens/(tok-\w+)/revoke", listed.text)
    stored = str(console_books.rows("SELECT * FROM api_tokens"))
    revoked = browser.submit("/tokens", f"/tokens/{token_id}/revoke")

    assert made.status == 200
    assert me["scopes"] == ["read"]
    assert found[0] not in listed.text
    assert "never" not in listed.shown().partition("Make a token")[0]
    assert found[0] not in stored
    assert revoked.location == "/tokens?done=revoked"
    assert client.get("/me").status == 401
    assert "revoked by maria" in browser.get("/tokens").shown()
    assert console_books.rows(
        "SELECT actor, action, person_id IS NOT NULL FROM audit"
        f" WHERE subject = 'token {token_id}' ORDER BY audit_id"
    ) == [("maria", "token.made", True), ("maria", "token.revoked", True)]


def test_a_form_that_is_sent_twice_makes_one_token_and_shows_it_twice(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    browser = site.browser_of("bob")
    fields = {"name": "clicked twice", "days": "30", "scope_read": "yes"}
    page = browser.get("/tokens")
    hidden = {name: page.field(name) for name in ("form_token", "request_key")}

    def made(**others: str) -> str:
        reply = browser.post("/tokens", {**hidden, **fields, **others})
        found = re.search(r"tieout_api_[\w-]{43}", reply.text)
        return found[0] if found else f"{reply.status} {reply.shown()}"

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _click: made(), range(2))
    third = made(name="corrected")
    listed = json_of(ApiClient(site.port, first).get("/tokens"))["items"]
    token_id = next(item["id"] for item in listed if item["name"] == "clicked twice")
    ended = browser.submit("/tokens", f"/tokens/{token_id}/revoke")

    assert first == second != third
    assert sorted(item["name"] for item in listed) == ["clicked twice", "corrected"]
    assert ended.status == 303
    assert "422" in made()
    audited = f"SELECT count(*) FROM audit WHERE subject = 'token {token_id}'"
    assert console_books.rows(f"{audited} AND action = 'token.made'") == [(1,)]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"name": "x", "days": "366", "scope_read": "yes"}, 400, "from 1 to 365"),
        ({"name": "x", "days": "0", "scope_read": "yes"}, 400, "from 1 to 365"),
        ({"name": "x", "days": "9"}, 400, "at least one right"),
        ({"name": " ", "days": "9", "scope_read": "yes"}, 400, "what the token is for"),
        ({"name": "x", "days": "9", "scope_sign_days": "yes"}, 403, "may not sign days"),
    ],
)
def test_a_token_that_may_not_be_is_refused(
    site: ConsoleSite, fields: dict[str, str], status: int, words: str
) -> None:
    reply = site.browser_of("only finance").submit("/tokens", "/tokens", **fields)

    assert reply.status == status
    assert words in reply.shown()


def test_nobody_reaches_the_tokens_of_another_but_an_administrator(
    site: ConsoleSite,
) -> None:
    owner = ApiClient(site.port, token_for(site, "erin"))
    other = ApiClient(site.port, token_for(site, "only finance"))
    admin = ApiClient(site.port, token_for(site, "only admin"))
    (token,) = json_of(owner.get("/tokens"))["items"]
    thing = f"/tokens/{token['id']}"

    assert token["id"] not in other.get("/tokens").text
    assert other.get(thing).status == other.act(f"{thing}/revoke").status == 404
    page = site.browser_of("only finance")
    token_field = page.get("/tokens").field("form_token")
    assert page.post(f"{thing}/revoke", {"form_token": token_field}).status == 400
    assert owner.get(thing).status == 200
    assert json_of(admin.act(f"{thing}/revoke"))["revoked_by"] == "only admin"
    assert owner.get("/me").status == 401


def test_a_token_has_no_right_that_its_person_lost(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    client = ApiClient(site.port, token_for(site, "nora"))
    engine = console_books.books.engine
    day = f"/days/lottery/{DAY}"
    before = client.act(f"{day}/sign", of=day).status
    with engine.begin() as connection:
        set_roles(connection, "nora", {Role.VIEWER}, by="ann")
    after, me = client.act(f"{day}/sign", of=day).status, json_of(client.get("/me"))
    with engine.begin() as connection:
        set_disabled(connection, "nora", disabled=True, by="ann")

    assert (before, after) == (422, 403)
    assert me["scopes"] == ["read"]
    assert client.get("/me").status == 401


def test_a_token_from_before_its_person_was_disabled_works_never_again(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    before = ApiClient(site.port, token_for(site, "j"))
    (made,) = json_of(before.get("/tokens"))["items"]
    for disabled in (True, False):
        with console_books.books.engine.begin() as connection:
            set_disabled(connection, "j", disabled=disabled, by="ann")
    since = ApiClient(site.port, token_for(site, "j"))

    assert (before.get("/me").status, since.get("/me").status) == (401, 200)
    ended = json_of(since.get(f"/tokens/{made['id']}"))
    assert (ended["version"], ended["revoked_by"]) == ("revoked", "ann")
    assert [item["revoked_by"] for item in json_of(since.get("/tokens"))["items"]] == [
        None,
        "ann",
    ]


def test_a_token_expires_and_a_wrong_one_is_limited(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    secret = token_for(site, "bob", lifetime=timedelta(days=1))
    with console_books.books.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE api_tokens SET made_at = made_at - interval '2 days',"
                " expires_at = expires_at - interval '2 days' WHERE person_id ="
                " (SELECT person_id FROM people WHERE name = 'bob')"
            )
        )
    expired = ApiClient(site.port, secret).get("/me")
    guesses = [ApiClient(site.port, f"guess {n}").get("/me") for n in range(20)]
    valid = ApiClient(site.port, token_for(site, "bob")).get("/me")

    assert expired.status == 401
    statuses = [reply.status for reply in guesses]
    assert statuses.count(401) < PER_NAME_AND_ADDRESS
    assert statuses[-1] == 429
    assert int(guesses[-1].headers["Retry-After"]) > 0
    assert valid.status == 200
    assert site.browser_of("maria").get("/").status == 200  # passwords are counted apart


def test_too_many_requests_of_one_token_wait(site: ConsoleSite) -> None:
    api = replace(site.console.config.api, requests_per_minute=5)
    console = replace(site.console, config=replace(site.console.config, api=api))
    with serving(console) as limited:
        clients = [ApiClient(limited.port, token_for(limited, name)) for name in ("ann", "eve")]
        replies = [clients[0].get("/me") for _ in range(7)]
        other = clients[1].get("/me")

    assert [reply.status for reply in replies[:5]] == [200] * 5
    assert replies[-1].status == 429
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 13
    assert other.status == 200


def test_the_page_of_the_api_leads_to_every_operation_and_object(site: ConsoleSite) -> None:
    browser = site.browser_of("maria")
    page = browser.get("/api")
    document: Any = json_of(browser.get(f"{BASE}/openapi.json"))
    operations = [
        (path, method, operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    links = set(re.findall(r'href="(/api/[^"]+)"', page.text))
    pages = {link: browser.get(link) for link in links if not link.startswith(BASE)}

    assert page.status == 200
    assert {reply.status for reply in pages.values()} == {200}
    for path, method, name in operations:
        operation_page = pages[f"/api/operations/{name}"].text
        assert f'data-path="{path}"' in operation_page
        assert f'data-method="{method.upper()}"' in operation_page
        assert method in {"get", "post"}
        answer = re.findall(r'href="(/api/objects/[^"]+)"', operation_page)
        assert answer
        assert set(answer) <= links
    assert f'id="status-{HTTPStatus.CONFLICT}"' in page.text
    assert Right.READ in pages["/api/operations/get_breaks"].shown()


@pytest.mark.parametrize("kind", ["operation", "object"])
def test_an_unknown_part_of_the_api_says_what_was_searched(
    site: ConsoleSite, kind: str
) -> None:
    page = site.browser_of("maria").get(f"/api/{kind}s/nothing")

    assert page.status == 404
    assert f"Searched for the {kind} “nothing” and found none." in page.shown()
