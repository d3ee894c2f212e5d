"""OpenID Connect: the authorization code flow with PKCE, and checks of identity tokens."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt

from vocabulary.errors import NotAuthentic, Unavailable
from vocabulary.secrets import Secret

#: What the identity provider may sign with; a shared secret is not among them.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
#: How far its clock may be from ours.
LEEWAY = timedelta(seconds=60)
#: How long its addresses and keys are kept.
_KEPT = timedelta(hours=1)
#: Shortest time between two requests for its keys, whatever tokens name.
_KEYS_EVERY = timedelta(seconds=30)
_TIMEOUT_S = 5.0
#: Requests to it at once: each holds a thread that makes pages until it answers, or for the
#: longest time, and anybody may begin a login.
_ASKED_AT_ONCE = 4
_BYTES_MAX = 1024 * 1024
_NEAR = frozenset({"localhost", "127.0.0.1", "::1"})

#: Sends a form, or without one a GET, with headers; returns the body of the answer.
Fetch = Callable[[str, Mapping[str, str] | None, Mapping[str, str]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcTerms:
    """How the identity provider is used.

    Attributes:
        client_secret: None: a public client.
        claim: of the identity token, names the person.
        domain: the claim ends in it, after an @; empty: the claim is the name.
        has_passwords: whether people may also sign in with a password.
    """

    issuer: str
    client_id: str
    client_secret: Secret | None
    claim: str
    domain: str
    has_passwords: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """Something of the identity provider, and when it was fetched."""

    at: datetime
    document: Mapping[str, Any]


class IdentityProvider:
    """One identity provider; its addresses and keys are fetched when they are needed.

    Args:
        terms: how it is used.
        fetch: reaches it.
    """

    def __init__(self, terms: OidcTerms, fetch: Fetch | None = None) -> None:
        self.terms = terms
        self._fetch = fetch or fetch_near_or_tls
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._asking = threading.BoundedSemaphore(_ASKED_AT_ONCE)

    def login_address(
        self, *, redirect: str, state: str, nonce: str, verifier: str, now: datetime
    ) -> str:
        """Where a browser goes to sign in.

        Raises:
            Unavailable: the identity provider is out of reach.
        """
        digest = hashlib.sha256(verifier.encode()).digest()
        params = {
            "response_type": "code",
            "client_id": self.terms.client_id,
            "redirect_uri": redirect,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._address("authorization_endpoint", now)
        return f"{address}{'&' if '?' in address else '?'}{urlencode(params)}"

    def name_by_code(
        self, code: str, *, redirect: str, nonce: str, verifier: str, now: datetime
    ) -> str:
        """The name of the person whom a code stands for.

        Raises:
            NotAuthentic: the code or its identity token does not prove it.
            Unavailable: the identity provider is out of reach.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self.terms.client_id,
            "code_verifier": verifier,
        }
        if self.terms.client_secret is not None:
            form["client_secret"] = self.terms.client_secret.value.decode()
        answer = self._json(self._address("token_endpoint", now), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotAuthentic("the identity provider sent no identity token")
        return self._name_in(self._claims(token, nonce, now))

    def _claims(self, token: str, nonce: str, now: datetime) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                self._key(token, now),
                algorithms=list(ALGORITHMS),
                audience=self.terms.client_id,
                issuer=self.terms.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise NotAuthentic(f"the identity token is refused: {error}") from error
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.terms.client_id:
            raise NotAuthentic("the identity token was made for another client")
        if claims["nonce"] != nonce:
            raise NotAuthentic("the identity token belongs to another login")
        return claims

    def _name_in(self, claims: Mapping[str, Any]) -> str:
        terms = self.terms
        name = claims.get(terms.claim)
        if not isinstance(name, str) or not name.strip():
            raise NotAuthentic(f"the identity token has no claim {terms.claim}")
        if terms.claim == "email" and claims.get("email_verified") is not True:
            raise NotAuthentic("the identity provider has not verified the email address")
        if not terms.domain:
            return name
        local, _, domain = name.rpartition("@")
        if not local or domain.casefold() != terms.domain.casefold():
            raise NotAuthentic(f"only people of {terms.domain} may sign in")
        return local

    def _key(self, token: str, now: datetime) -> jwt.PyJWK:
        """The key that a token names; keys that are new are fetched."""
        header = jwt.get_unverified_header(token)
        address = self._address("jwks_uri", now)
        for longest in (_KEPT, _KEYS_EVERY):
            keys = self._keys(address, now, longest)
            fitting = [key for key in keys if header.get("kid") in {None, key.key_id}]
            if len(fitting) == 1:
                return fitting[0]
        raise NotAuthentic("the identity token names a key that the identity provider lacks")

    def _keys(self, address: str, now: datetime, longest: timedelta) -> list[jwt.PyJWK]:
        try:
            keys = jwt.PyJWKSet.from_dict(dict(self._document(address, now, longest))).keys
        except jwt.PyJWTError as error:
            raise Unavailable("the identity provider's keys cannot be read") from error
        return [key for key in keys if key.public_key_use in {None, "sig"}]

    def _address(self, name: str, now: datetime) -> str:
        issuer = self.terms.issuer
        where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        document = self._document(where, now, _KEPT)
        address = document.get(name)
        if document.get("issuer") != issuer or not isinstance(address, str):
            raise Unavailable(f"{where} describes another issuer, or has no {name}")
        return checked_address(address)

    def _document(self, address: str, now: datetime, longest: timedelta) -> Mapping[str, Any]:
        with self._lock:
            kept = self._kept.get(address)
        if kept is not None and now - kept.at < longest:
            return kept.document
        document = self._json(address, None)
        with self._lock:
            self._kept[address] = _Kept(now, document)
        return document

    def _json(self, address: str, form: Mapping[str, str] | None) -> Mapping[str, Any]:
        try:
            with self._one_of_few(address):
                content = self._fetch(address, form, {"Accept": "application/json"})
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{urlsplit(address).netloc} answers no JSON") from error
        if not isinstance(document, dict):
            raise Unavailable(f"{urlsplit(address).netloc} answers no JSON object")
        return document

    @contextmanager
    def _one_of_few(self, address: str) -> Iterator[None]:
        """Refuse to ask at once where it keeps others waiting: pages need the threads."""
        if not self._asking.acquire(blocking=False):
            host = urlsplit(address).netloc
            raise Unavailable(f"{host} keeps {_ASKED_AT_ONCE} logins waiting")
        try:
            yield
        finally:
            self._asking.release()


class _NoRedirect(HTTPRedirectHandler):
    """A redirect of the identity provider is a failure: it could lead anywhere."""

    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        """Follow none."""
        return


def fetch_near_or_tls(
    address: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
) -> bytes:
    """Send a request over TLS, or to this machine.

    Raises:
        NotAuthentic: the answer is a refusal.
        Unavailable: there is no answer in time, or an answer that is none.
    """
    data = None if form is None else urlencode(form).encode()
    request = Request(checked_address(address), data=data, headers=dict(headers))  # noqa: S310
    host = urlsplit(address).netloc
    try:
        with build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S) as response:
            content: bytes = response.read(_BYTES_MAX + 1)
    except HTTPError as error:
        with error:
            if 400 <= error.code < 500 and form is not None:
                raise NotAuthentic(f"{host} refused the code ({error.code})") from error
        raise Unavailable(f"{host} answered {error.code}") from error
    except (URLError, OSError) as error:
        raise Unavailable(f"{host} is out of reach") from error
    if len(content) > _BYTES_MAX:
        raise Unavailable(f"{host} answered too much")
    return content


def checked_address(address: str) -> str:
    """An address with TLS, or of this machine.

    Raises:
        Unavailable: it is another one.
    """
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise Unavailable("the identity provider names an address that is none") from error
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _NEAR):
        return address
    raise Unavailable(f"the identity provider names an address without TLS: {parts.netloc}")
