"""Signing in: passwords, sessions, forms of other sites, guessing, and where one ends up."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from console.accounts.attempts import PER_NAME_AND_ADDRESS
from console.accounts.passwords import digest_of, new_code, set_password
from storage.people import get_person, set_disabled
from tests.harness.books.console import ConsoleBooks
from tests.harness.books.lock_waits import until_somebody_waits
from tests.harness.servers.console import PASSWORD, ConsoleSite, serving


def test_a_session_begins_with_a_new_token_and_ends_with_it(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    site.give_password("maria")
    client = site.browser()
    client.cookies["tieout"] = "a token that somebody else chose"

    began = client.sign_in("maria")
    first = client.cookies["tieout"]
    again = client.get("/login")  # whoever is signed in goes on at once
    shown = client.get("/")
    ended = client.post("/logout", {"form_token": shown.field("form_token")})
    after = client.get("/")

    assert (began.status, began.location) == (303, "/")
    assert first != "a token that somebody else chose"
    assert len(first) > 40
    assert (again.status, shown.status) == (303, 200)
    assert (ended.status, ended.location) == (303, "/login?done=signed-out")
    assert (after.status, after.location) == (303, "/login")
    stored = console_books.rows("SELECT session_hash, ended_at FROM console_sessions")
    assert all(re.fullmatch(r"[0-9a-f]{64}", str(row[0])) for row in stored)
    assert all(first not in str(row) for row in stored)
    audited = console_books.rows(
        "SELECT a.action, p.name FROM audit a JOIN people p USING (person_id)"
        " WHERE subject = 'person maria' AND action LIKE 'session%' ORDER BY audit_id"
    )
    assert audited[0] == ("session.begun", "maria")
    assert audited[-1] == ("session.ended", "maria")


def test_an_old_token_is_void_once_a_new_session_began(site: ConsoleSite) -> None:
    client = site.browser_of("bob")
    old = client.cookies["tieout"]
    token = client.get("/people").field("form_token")
    fields = {"form_token": token, "name": "bob", "password": PASSWORD, "next": "/"}
    client.post("/login", fields)
    thief = site.browser()
    thief.cookies["tieout"] = old

    assert client.cookies["tieout"] != old
    assert client.get("/").status == 200
    assert thief.get("/").location == "/login"


def test_cookies_and_headers_keep_others_out(site: ConsoleSite) -> None:
    site.give_password("nora")
    client = site.browser()
    reply = client.sign_in("nora")
    page = client.get("/")

    (cookie,) = [text for text in reply.cookies if text.startswith("tieout=")]
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert "Server" not in page.headers
    assert not re.search(r"<script>|<style|style=|\son\w+=", page.text)


def test_behind_tls_cookies_and_pages_are_for_tls_only(
    site: ConsoleSite,
) -> None:
    config = replace(site.console.config, public_url="https://tieout.example.com")
    with serving(replace(site.console, config=config)) as secure:
        reply = secure.browser().get("/login")

    assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"
    (cookie,) = reply.cookies
    assert cookie.startswith("__Host-tieout-form=")
    assert "Secure" in cookie


@pytest.mark.parametrize(
    ("target", "arrives_at"),
    [
        ("/breaks?kind=payout_mismatch", "/breaks?kind=payout_mismatch"),
        ("https://evil.example.com/", "/"),
        ("//evil.example.com/", "/"),
        ("/\\evil.example.com/", "/"),
        ("/\t/evil.example.com/", "/"),
        ("javascript:alert(1)", "/"),
        ("/logout", "/"),
        ("//[::1", "/"),
    ],
)
def test_after_signing_in_one_is_where_one_was_and_never_elsewhere(
    site: ConsoleSite, target: str, arrives_at: str
) -> None:
    site.give_password("erin")

    assert site.browser().sign_in("erin", target=target).location == arrives_at


def test_an_expired_session_leads_back_to_the_same_place(site: ConsoleSite) -> None:
    client = site.browser_of("eve")
    with site.console.writers.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE console_sessions SET seen_at = seen_at - interval '1 day'"
            " WHERE person_id = (SELECT person_id FROM people WHERE name = 'eve')"
        )

    sent = client.get("/breaks?day=2026-06-04&state=all").location

    assert sent == "/login?next=%2Fbreaks%3Fday%3D2026-06-04%26state%3Dall"
    assert 'value="/breaks?day=2026-06-04&amp;state=all"' in client.get(sent).text


def test_forms_of_another_site_or_session_are_refused(site: ConsoleSite) -> None:
    client, other = site.browser_of("maria"), site.browser_of("jonas")
    token, foreign = (who.get("/").field("form_token") for who in (client, other))

    refused = [
        client.post("/logout", {}),
        client.post("/logout", {"form_token": ""}),
        client.post("/logout", {"form_token": foreign}),
        client.post("/logout", {"form_token": token}, {"Origin": "https://evil.example.com"}),
        client.post("/logout", {"form_token": token}, {"Origin": "null"}),
        client.post("/logout", {"form_token": token}, {"Origin": "http://[x"}),
        client.post("/logout", {"form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
    ]

    assert [reply.status for reply in refused] == [403] * 7
    assert client.get("/").status == 200
    fields = {"name": "maria", "password": PASSWORD, "form_token": token}
    assert site.browser().post("/login", fields).status == 403


def test_a_cookie_that_is_no_text_is_no_fault(site: ConsoleSite) -> None:
    client = site.browser()
    client.cookies = {"tieout-form": "\xff", "tieout": "\xff"}

    assert [client.get(path).status for path in ("/login", "/nothing")] == [200, 404]


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(site: ConsoleSite) -> None:
    site.give_password("j")

    def answer(name: str) -> tuple[int, str]:
        reply = site.browser().sign_in(name, "a wrong password")
        return reply.status, re.sub(r'value="[^"]*"', "", reply.text)

    known, unknown, unprintable = (answer(name) for name in ("j", "nobody", "a\x00b"))

    assert known[0] == 401
    assert known == unknown == unprintable


def test_guessing_ends_after_a_few_attempts_even_with_the_right_password(
    site: ConsoleSite,
) -> None:
    site.give_password("e")
    statuses = [
        site.browser().sign_in("e", f"guess {number}").status
        for number in range(PER_NAME_AND_ADDRESS + 1)
    ]

    assert statuses == [401] * PER_NAME_AND_ADDRESS + [429]
    assert site.browser().sign_in("e").status == 429
    with site.console.writers.begin() as connection:  # later
        connection.exec_driver_sql("UPDATE login_attempts SET at = at - interval '16 minutes'")
    assert site.browser().sign_in("e").status == 303


def test_a_link_sets_a_password_once_and_ends_every_session(site: ConsoleSite) -> None:
    client, now = site.browser_of("m"), site.console.clock.now()
    with site.console.writers.begin() as connection:
        first = new_code(connection, "m", by="m", now=now).code
        code = new_code(connection, "m", by="m", now=now).code
        late = new_code(connection, "j", by="j", now=now - timedelta(hours=25)).code
    page = client.get(f"/reset/{code}")
    token = page.field("form_token")

    def choose(path: str, password: str, again: str) -> tuple[int, str]:
        fields = {"form_token": token, "password": password, "again": again}
        reply = client.post(path, fields)
        return reply.status, reply.location

    new = "four seasons of rain"
    assert page.status == 200
    assert client.get(f"/reset/{first}").status == 404  # replaced by the second
    assert client.get(f"/reset/{late}").status == 404
    assert choose(f"/reset/{code}", new, "another one here")[0] == 422
    assert choose(f"/reset/{code}", "short", "short")[0] == 422
    assert choose(f"/reset/{code}", new, new) == (303, "/login?done=password")
    assert client.get("/").status == 303
    used = client.get(f"/reset/{code}")  # as the second of two clicks
    assert (used.status, "that counts: sign in at /login" in used.shown()) == (404, True)
    assert site.browser().sign_in("m").status == 401
    assert site.browser().sign_in("m", new).status == 303


def test_a_link_lets_somebody_in_whose_password_others_guessed(site: ConsoleSite) -> None:
    site.give_password("ann")
    for number in range(PER_NAME_AND_ADDRESS):
        site.browser().sign_in("ann", f"guess {number}")
    locked_out, client = site.browser().sign_in("ann").status, site.browser()
    with site.console.writers.begin() as connection:
        code = new_code(connection, "ann", by="ann", now=site.console.clock.now()).code
    new = "four seasons of rain"
    token = client.get(f"/reset/{code}").field("form_token")
    client.post(f"/reset/{code}", {"form_token": token, "password": new, "again": new})

    assert locked_out == 429
    assert client.sign_in("ann", new).status == 303


def test_a_disabled_person_is_out_at_the_next_request(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    client = site.browser_of("nora")
    with console_books.books.engine.begin() as connection:
        set_disabled(connection, "nora", disabled=True, by="ann")

    assert client.get("/").location == "/login"
    assert site.browser().sign_in("nora").status == 401


def test_whoever_is_enabled_again_has_to_sign_in_anew(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    client = site.browser_of("eve")
    for disabled in (True, False):
        with console_books.books.engine.begin() as connection:
            set_disabled(connection, "eve", disabled=disabled, by="ann")

    assert client.get("/").location == "/login"
    assert site.browser_of("eve").get("/").status == 200


def test_a_link_from_before_its_person_was_disabled_sets_no_password(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    now = site.console.clock.now()
    with site.console.writers.begin() as connection:
        code = new_code(connection, "e", by="ann", now=now).code
    before = site.browser().get(f"/reset/{code}").status
    for disabled in (True, False):
        with console_books.books.engine.begin() as connection:
            set_disabled(connection, "e", disabled=disabled, by="ann")

    assert (before, site.browser().get(f"/reset/{code}").status) == (200, 404)


def test_a_password_that_is_replaced_while_it_is_checked_begins_no_session(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    site.give_password("bob")
    client, engine, now = site.browser(), console_books.books.engine, site.console.clock.now()
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            bob = get_person(connection, "bob")
            set_password(connection, bob, "four seasons of rain", by="bob", now=now)
            signing_in = threads.submit(client.sign_in, "bob")
            until_somebody_waits(engine)
        reply = signing_in.result()

    assert reply.status == 401
    assert client.get("/").location == "/login"


def test_the_address_of_a_browser_is_believed_from_trusted_proxies_only(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    client = site.browser()
    token = client.get("/login").field("form_token")
    fields = {"form_token": token, "name": "nobody at all", "password": "x" * 12}
    client.post("/login", fields, {"X-Forwarded-For": "203.0.113.9"})

    addresses = {row[0] for row in console_books.rows("SELECT address FROM login_attempts")}
    assert addresses == {"127.0.0.1"}


def test_one_browser_behind_a_proxy_that_writes_ports_has_one_address(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    config = replace(site.console.config, trusted_proxies=(ip_network("127.0.0.0/8"),))
    with serving(replace(site.console, config=config)) as proxied:
        client = proxied.browser()
        token = client.get("/login").field("form_token")
        for hops in ("203.0.113.9:4711", "203.0.113.9:4712, 127.0.0.2:80", "unknown"):
            fields = {"form_token": token, "name": "a stranger", "password": "x" * 12}
            client.post("/login", fields, {"X-Forwarded-For": hops})

    stranger = digest_of("a stranger")
    assert console_books.rows(
        f"SELECT address FROM login_attempts WHERE name_hash = '{stranger}' ORDER BY attempt_id"
    ) == [("203.0.113.9",), ("203.0.113.9",), ("127.0.0.1",)]
