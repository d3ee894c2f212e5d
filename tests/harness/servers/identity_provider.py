"""A small identity provider on the loopback interface, with real keys and signatures."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "tieout", "the client's secret"


@dataclass
class FakeIssuer:
    """What the identity provider answers; tests change it before a login.

    Attributes:
        claims: put over those of an honest token; None removes one.
        signing: the key of tokens; ``keys`` are published.
        codes: by code, the query of the login that it was given for.
    """

    url: str = ""
    person: str = "maria"
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signing: Any = None
    kid: str = "one"
    keys: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    is_away: bool = False
    now: datetime = datetime(2026, 1, 1)  # noqa: DTZ001 - set before it is used

    def begin(self, address: str) -> dict[str, str]:
        """The login of an honest person: the query that goes back to the console."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{query['state']}"
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The answer to a code, once; None: it is refused."""
        login = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            login is None
            or login["code_challenge"] != challenge
            or login["redirect_uri"] != form["redirect_uri"]
            or form.get("client_secret") != SECRET
        ):
            return None
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "1",
            "iat": self.now,
            "exp": self.now + timedelta(minutes=5),
            "nonce": login["nonce"],
            "preferred_username": self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = jwt.encode(claims, self.signing, self.algorithm, headers={"kid": self.kid})
        return {"id_token": signed, "token_type": "Bearer", "access_token": "unused"}


class _Handler(BaseHTTPRequestHandler):
    """Serves discovery, keys and codes."""

    issuer: FakeIssuer

    def do_GET(self) -> None:
        url = self.issuer.url
        if self.path.endswith("/openid-configuration"):
            self._answer(
                {
                    "issuer": url,
                    "authorization_endpoint": f"{url}/authorize",
                    "token_endpoint": f"{url}/token",
                    "jwks_uri": f"{url}/keys",
                }
            )
            return
        keys = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
            for kid, key in self.issuer.keys.items()
        ]
        self._answer({"keys": keys})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        answer = self.issuer.token(form)
        self._answer(answer or {"error": "invalid_grant"}, 200 if answer else 400)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Log nothing."""

    def _answer(self, document: dict[str, Any], status: int = 200) -> None:
        self.send_response(503 if self.issuer.is_away else status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())


@contextmanager
def fake_issuer() -> Iterator[FakeIssuer]:
    """An identity provider with one key, until the block ends."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer = FakeIssuer(signing=key, keys={"one": key})
    handler = type("_OwnHandler", (_Handler,), {"issuer": issuer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
