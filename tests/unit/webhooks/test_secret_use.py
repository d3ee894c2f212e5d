"""During a rotation it is counted which secret callbacks are signed with."""

from providers.contract import Callback, Provider
from providers.registry import DIALECTS
from providers.wire.signatures import sha256_of_message_and_secret
from webhooks.metrics import ReceiverMetrics
from webhooks.secret_use import SecretUse

DIALECT = DIALECTS["sportsbook"]
OPTIONS = {name: option.default for name, option in DIALECT.options.items()}


def provider(*secrets: bytes) -> Provider:
    options = {**OPTIONS, "digest": "sha256_body_secret"}
    return Provider(slug="book", currency="EUR", exponents={}, secrets=secrets, options=options)


def signed(secret: bytes) -> Callback:
    body = b"{}"
    hash_ = sha256_of_message_and_secret(secret, body)
    return Callback(route="", headers={"x-security-hash": hash_}, body=body)


def counts(*secrets: bytes, signed_with: tuple[bytes, ...]) -> list[int]:
    metrics = ReceiverMetrics()
    counters = [metrics.secret_counter("book", f"env:{s.decode()}") for s in secrets]
    use = SecretUse(DIALECT, provider(*secrets), counters)
    for secret in signed_with:
        use.count(signed(secret))
    return [int(counter._value.get()) for counter in counters]


def test_the_only_secret_counts_every_callback() -> None:
    assert counts(b"a", signed_with=(b"a", b"a")) == [2]


def test_each_callback_counts_for_the_secret_that_signs_it() -> None:
    used = counts(b"a", b"b", b"c", signed_with=(b"c", b"a", b"b", b"a"))
    assert used == [2, 1, 1]


def test_an_unused_secret_is_shown_at_zero_by_its_reference() -> None:
    metrics = ReceiverMetrics()
    metrics.secret_counter("book", "env:OLD")
    line = b'tieout_secret_used_total{provider="book",secret="env:OLD"} 0.0'
    assert line in metrics.text()
