"""What the identity provider may cost the console while it does not answer."""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from console.accounts.identity_provider import IdentityProvider, OidcTerms
from console.app import THREADS
from vocabulary.errors import Unavailable

ISSUER = "https://id.example.com"
NOW = datetime(2026, 6, 4, 12, tzinfo=UTC)
TERMS = OidcTerms(
    issuer=ISSUER,
    client_id="tieout",
    client_secret=None,
    claim="preferred_username",
    domain="",
    has_passwords=True,
)
DISCOVERY = {"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize"}


class SlowIssuer:
    """Answers nobody before it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked = threading.Semaphore(0)

    def __call__(
        self, _address: str, _form: Mapping[str, str] | None, _headers: Mapping[str, str]
    ) -> bytes:
        self.asked.release()
        assert self.may_answer.wait(30)
        return json.dumps(DISCOVERY).encode()


def begin(provider: IdentityProvider) -> str:
    return provider.login_address(
        redirect="https://tieout.example.com/sso/callback",
        state="state",
        nonce="nonce",
        verifier="verifier",
        now=NOW,
    )


def test_an_identity_provider_that_does_not_answer_holds_half_of_the_threads_at_most() -> None:
    issuer = SlowIssuer()
    provider = IdentityProvider(TERMS, issuer)
    with ThreadPoolExecutor(THREADS) as threads:
        waiting = [threads.submit(begin, provider) for _ in range(THREADS // 2)]
        for _ in waiting:
            assert issuer.asked.acquire(timeout=30)
        late = threads.submit(begin, provider)
        try:
            with pytest.raises(Unavailable, match=r"id\.example\.com keeps 4 logins waiting"):
                late.result(timeout=5)
        finally:
            issuer.may_answer.set()

        begun = [login.result(30) for login in waiting]
    begun.append(begin(provider))

    assert {address.partition("?")[0] for address in begun} == {f"{ISSUER}/authorize"}
