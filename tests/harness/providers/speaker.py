"""A provider's voice for tests, signing with the standard library alone.

Each dialect has one in ``tests/harness/dialects``, where ``tests.harness.providers.speakers``
finds it.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from providers.contract import Callback, OptionValue, Provider
from providers.dialect import Dialect

#: A text that stands nowhere else, to be looked for in messages.
SECRET = b"canary-secret-7f3a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """How one provider speaks.

    Attributes:
        valid: one valid body per route, compact, without its signature.
        sign: (route, body, secret) to a callback signed as the provider does.
        signature_header: where the signature is a header, its name.
        samples: the sample requests of a secret, by case.
        api_settings: every setting of its API table; secrets stand in ``env:K``.
    """

    dialect: Dialect
    valid: Mapping[str, bytes]
    sign: Callable[[str, bytes, bytes], Callback]
    signature_header: str | None
    samples: Callable[[str], Iterator[tuple[str, bytes]]]
    api_settings: str

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
    """A provider of the dialect with its default options, some of them changed."""
    changed = options or {}
    assert changed.keys() <= dialect.options.keys()
    defaults = {name: option.default for name, option in dialect.options.items()}
    return Provider(
        slug=dialect.name,
        currency=currency,
        exponents=exponents or {},
        secrets=secrets,
        options={**defaults, **changed},
    )


def hex_of(secret: bytes, message: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret, message, sha256).hexdigest()


def request_text(route: str, headers: Mapping[str, str], body: str) -> bytes:
    """A sample request: suffix, headers, blank line, body."""
    lines = [f"POST {route} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\n".join(lines) + "\n\n" + body).encode()
