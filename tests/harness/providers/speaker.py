"""A provider's voice for tests, signing with the standard library alone.

Each dialect has one in ``tests/harness/dialects``, where ``tests.harness.providers.speakers``
finds it.
"""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from providers.contract import Callback, OptionValue, Provider
from providers.dialect import Dialect
from simulator.systems.registry import SYSTEMS
from tests.harness.currencies import CRYPTO

#: A text that stands nowhere else, to be looked for in messages; the name of a secret.
SECRET = b"canary-secret-7f3a"
#: The name of the secret under which samples are signed where a voice says nothing else.
SAMPLE_SECRET = "sample-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """How one provider speaks.

    Attributes:
        valid: one valid body per route, compact, without its signature.
        sign: (route, body, name of a secret) to a callback signed as the provider does.
        signature_header: where the signature is a header, its name.
        samples: the sample requests under the secret of a name, by case.
        sample_secret: that name.
        api_settings: every setting of its API table; secrets stand in ``env:K``.
    """

    dialect: Dialect
    valid: Mapping[str, bytes]
    sign: Callable[[str, bytes, bytes], Callback]
    signature_header: str | None
    samples: Callable[[str], Iterator[tuple[str, bytes]]]
    api_settings: str
    sample_secret: str = SAMPLE_SECRET

    def callback(self, route: str, body: bytes | None = None) -> Callback:
        """A callback that is authentic under the canary secret."""
        return self.sign(route, self.valid[route] if body is None else body, SECRET)


def configured(
    dialect: Dialect,
    *,
    secrets: tuple[bytes, ...] = (SECRET,),
    currency: str = "USD",
    exponents: Mapping[str, int] | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Provider:
    """A provider of the dialect with its default options, some of them changed.

    Args: ``secrets`` are names, as ``System.secret_of`` takes them.
    """
    changed = options or {}
    assert changed.keys() <= dialect.options.keys()
    defaults = {name: option.default for name, option in dialect.options.items()}
    return Provider(
        slug=dialect.name,
        currency=currency,
        exponents=CRYPTO if exponents is None else exponents,
        secrets=tuple(secret_of(dialect.name, name) for name in secrets),
        options={**defaults, **changed},
    )


def secret_of(dialect: str, name: bytes) -> bytes:
    """The secret of a name, in the form in which the settings of a dialect hold it."""
    return SYSTEMS[dialect].secret_of(name)


def literal(secret: bytes) -> str:
    """A secret as a quoted reference of the settings."""
    return json.dumps(f"literal:{secret.decode()}")


def hex_of(secret: bytes, message: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret, message, sha256).hexdigest()


def request_text(route: str, headers: Mapping[str, str], body: str) -> bytes:
    """A sample request: suffix, headers, blank line, body."""
    lines = [f"POST {route} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\n".join(lines) + "\n\n" + body).encode()
