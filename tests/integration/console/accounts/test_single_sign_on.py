"""Single sign-on against an issuer with real signatures: who gets in, and every forgery."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from console.accounts.identity_provider import IdentityProvider, OidcTerms
from console.accounts.sessions import form_token_of
from console.accounts.sso_logins import LOGINS_MAX
from storage.people import set_disabled
from tests.harness.books.console import ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient, Reply, serving
from tests.harness.servers.identity_provider import CLIENT, SECRET, FakeIssuer, fake_issuer
from vocabulary.clock import FrozenClock
from vocabulary.secrets import Secret


@pytest.fixture(scope="module")
def running_issuer() -> Iterator[FakeIssuer]:
    with fake_issuer() as running:
        yield running


@pytest.fixture
def issuer(running_issuer: FakeIssuer, sso: ConsoleSite) -> FakeIssuer:
    """The identity provider, honest again."""
    honest = running_issuer.keys["one"]
    running_issuer.claims, running_issuer.person = {}, "maria"
    running_issuer.signing, running_issuer.kid, running_issuer.algorithm = (
        honest,
        "one",
        "RS256",
    )
    running_issuer.is_away, running_issuer.now = False, sso.console.clock.now()
    return running_issuer


def terms_of(issuer: FakeIssuer, **changes: Any) -> OidcTerms:
    terms = OidcTerms(
        issuer=issuer.url,
        client_id=CLIENT,
        client_secret=Secret(reference="literal:", value=SECRET.encode()),
        claim="preferred_username",
        domain="",
        has_passwords=True,
    )
    return replace(terms, **changes)


def console_with(site: ConsoleSite, terms: OidcTerms) -> Any:
    config = replace(site.console.config, identity_provider=IdentityProvider(terms))
    return replace(site.console, config=config)


@pytest.fixture(scope="module")
def sso(site: ConsoleSite, running_issuer: FakeIssuer) -> Iterator[ConsoleSite]:
    """A console with single sign-on and passwords."""
    with serving(console_with(site, terms_of(running_issuer))) as running:
        yield running


def come_back(
    browser: PageClient, issuer: FakeIssuer, *, target: str = "/", **changes: str
) -> Reply:
    """Sign in at the identity provider, and bring back what it gave, with changes."""
    begun = browser.get(f"/sso?{urlencode({'next': target})}")
    assert begun.status == 303, begun.text
    query = {**issuer.begin(begun.location), **changes}
    return browser.get(f"/sso/callback?{urlencode(query)}")


def test_a_registered_person_gets_a_session_and_the_page_they_wanted(
    sso: ConsoleSite, issuer: FakeIssuer, console_books: ConsoleBooks
) -> None:
    browser = sso.browser()
    assert 'href="/sso?next=/breaks"' in browser.get("/login?next=/breaks").text
    back = come_back(browser, issuer, target="/breaks")

    assert (back.status, back.location) == (303, "/breaks")
    assert browser.get("/breaks").status == 200
    assert console_books.rows(
        "SELECT actor, detail ->> 'by' FROM audit WHERE action = 'session.begun'"
    ) == [("maria", "single sign-on")]
    assert come_back(sso.browser(), issuer, target="https://evil.example").location == "/"


def test_a_state_comes_back_once_and_only_to_its_browser(
    sso: ConsoleSite, issuer: FakeIssuer
) -> None:
    browser = sso.browser()
    query = urlencode(issuer.begin(browser.get("/sso").location))
    stolen = sso.browser().get(f"/sso/callback?{query}")
    first = browser.get(f"/sso/callback?{query}")
    again = browser.get(f"/sso/callback?{query}")

    assert (stolen.status, first.status, again.status) == (401, 303, 401)
    assert "was not begun in this browser" in stolen.shown()


def test_a_replayed_code_is_refused(sso: ConsoleSite, issuer: FakeIssuer) -> None:
    browser = sso.browser()
    used = issuer.begin(browser.get("/sso").location)
    assert browser.get(f"/sso/callback?{urlencode(used)}").status == 303
    replayed = come_back(browser, issuer, code=used["code"])

    assert replayed.status == 401
    assert "refused the code" in replayed.shown()


FORGERIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "other"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "other"},
    "several audiences": {"aud": [CLIENT, "other"]},
    "made for another": {"azp": "other"},
    "no subject": {"sub": None},
    "no name": {"preferred_username": None},
    "a name that is none": {"preferred_username": 7},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_token_with_a_wrong_claim_is_refused(
    sso: ConsoleSite, issuer: FakeIssuer, name: str
) -> None:
    issuer.claims = FORGERIES[name]
    browser = sso.browser()

    assert come_back(browser, issuer).status == 401
    assert browser.get("/").location == "/login"


def test_a_token_that_is_over_or_of_the_future_is_refused(
    sso: ConsoleSite, issuer: FakeIssuer
) -> None:
    statuses = []
    for shift in (timedelta(minutes=-10), timedelta(minutes=10), timedelta(seconds=20)):
        issuer.now = sso.console.clock.now() + shift
        statuses.append(come_back(sso.browser(), issuer).status)

    assert statuses == [401, 401, 303]


def test_a_token_of_another_key_or_algorithm_is_refused(
    sso: ConsoleSite, issuer: FakeIssuer
) -> None:
    honest = issuer.signing
    issuer.signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other_key = come_back(sso.browser(), issuer)
    issuer.kid = "two"
    unknown_key = come_back(sso.browser(), issuer)
    issuer.signing, issuer.algorithm, issuer.kid = SECRET.ljust(32), "HS256", "one"
    shared_secret = come_back(sso.browser(), issuer)
    issuer.signing, issuer.algorithm = None, "none"
    unsigned = come_back(sso.browser(), issuer)
    issuer.signing, issuer.algorithm = honest, "RS256"

    assert {reply.status for reply in (other_key, unknown_key, shared_secret, unsigned)} == {
        401
    }


def test_a_new_key_of_the_issuer_is_fetched(site: ConsoleSite, issuer: FakeIssuer) -> None:
    clock = FrozenClock(issuer.now)
    console_of_clock = replace(console_with(site, terms_of(issuer)), clock=clock)
    with serving(console_of_clock) as console:
        assert come_back(console.browser(), issuer).status == 303
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issuer.keys["new"], issuer.signing, issuer.kid = key, key, "new"
        early = come_back(console.browser(), issuer)
        clock.instant += timedelta(seconds=31)
        assert come_back(console.browser(), issuer).status == 303
    assert early.status == 401


def test_who_is_unknown_or_disabled_does_not_get_in(
    sso: ConsoleSite, issuer: FakeIssuer, console_books: ConsoleBooks
) -> None:
    issuer.person = "stranger"
    unknown = come_back(sso.browser(), issuer)
    issuer.person = "erin"
    with console_books.books.engine.begin() as connection:
        set_disabled(connection, "erin", disabled=True, by="ann")
    disabled = come_back(sso.browser(), issuer)

    assert (unknown.status, disabled.status) == (403, 403)
    assert unknown.shown().partition("id")[0] == disabled.shown().partition("id")[0]
    assert console_books.rows("SELECT count(*) FROM people WHERE name = 'stranger'") == [(0,)]


def test_an_issuer_out_of_reach_is_a_page_and_passwords_still_work(
    site: ConsoleSite, issuer: FakeIssuer
) -> None:
    nowhere = replace(terms_of(issuer), issuer="http://127.0.0.1:9")
    with serving(console_with(site, nowhere)) as console:
        away = console.browser().get("/sso")
        assert console.browser_of("maria").get("/").status == 200
    issuer.is_away = True
    with serving(console_with(site, terms_of(issuer))) as console:
        failing = console.browser().get("/sso")

    assert (away.status, failing.status) == (503, 503)
    assert "The identity provider is away" in away.shown()


def test_what_the_issuer_refuses_is_a_page(sso: ConsoleSite, issuer: FakeIssuer) -> None:
    browser = sso.browser()
    state = issuer.begin(browser.get("/sso").location)["state"]
    denied = browser.get(f"/sso/callback?error=access_denied&state={state}")
    mixed = come_back(browser, issuer, iss="https://evil.example")

    assert (denied.status, mixed.status) == (401, 401)
    assert "did not sign you in" in denied.shown()
    assert "another identity provider" in mixed.shown()


def test_an_address_names_a_person_of_the_allowed_domain_only(
    site: ConsoleSite, issuer: FakeIssuer
) -> None:
    terms = terms_of(issuer, claim="email", domain="example.com", has_passwords=False)
    statuses = {}
    with serving(console_with(site, terms)) as console:
        for email, is_verified in (
            ("maria@Example.com", True),
            ("maria@example.com", False),
            ("maria@evil.example", True),
            ("maria@example.com@evil.example", True),
            ("maria", True),
        ):
            issuer.claims = {"email": email, "email_verified": is_verified}
            reply = come_back(console.browser(), issuer)
            statuses[email, is_verified] = reply.status
        login = console.browser()
        page = login.get("/login")
        token = form_token_of(login.cookies["tieout-form"])
        refused = login.post("/login", {"form_token": token, "name": "maria", "password": "x"})

    assert list(statuses.values()) == [303, 401, 401, 401, 401]
    assert 'name="password"' not in page.text
    assert refused.status == 403
    assert "Passwords are switched off" in refused.shown()


def test_logins_that_others_begin_are_bounded_and_keep_nobody_out(
    sso: ConsoleSite, issuer: FakeIssuer, console_books: ConsoleBooks
) -> None:
    with console_books.books.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sso_logins SELECT md5(n::text) || md5(n::text),"
                " md5('') || md5(''), '', '', '/', now() - interval '1 min'"
                " FROM generate_series(1, :most) n"
            ),
            {"most": LOGINS_MAX},
        )
    begun = come_back(sso.browser(), issuer)

    assert begun.status == 303
    assert console_books.rows("SELECT count(*) FROM sso_logins") == [(LOGINS_MAX,)]


def test_without_settings_there_is_no_single_sign_on(site: ConsoleSite) -> None:
    assert site.browser().get("/sso").status == 404
    assert "/sso" not in site.browser().get("/login").text
