"""The sportsbook's document as data: its samples, and its voice."""

from collections.abc import Iterator

from providers.contract import Callback
from providers.registry import DIALECTS
from tests.harness.providers.speaker import Speaker, hex_of, request_text
from tests.harness.servers.node import javascript_hashes

VALID = {
    "/transaction": (
        b'{"transaction_id":"OP-1","action":"bet","user_id":"42","currency":"USD",'
        b'"amount":"10.00"}'
    ),
    "/transaction-rollback": (
        b'{"transaction_id":"OP-2","rollback_transaction_id":"OP-1","action":"rollback",'
        b'"user_id":"42","currency":"USD","amount":"10.00"}'
    ),
}


def sign_sportsbook(route: str, body: bytes, secret: bytes) -> Callback:
    """Put the hash of the raw body into the header."""
    headers = {"content-type": "application/json", "x-security-hash": hex_of(secret, body)}
    return Callback(route=route, headers=headers, body=body)


def _samples(secret: str) -> Iterator[tuple[str, bytes]]:
    valid = {route: body.decode() for route, body in VALID.items()}
    bet = valid["/transaction"]
    unquoted = bet.replace('"10.00"', "10.5")
    cases = {
        "bet": ("/transaction", "X-Security-Hash", bet),
        "bet_header_of_the_samples": ("/transaction", "X-Securty-Hash", bet),
        "bet_amount_unquoted": ("/transaction", "X-Security-Hash", unquoted),
        "result": ("/transaction", "X-Security-Hash", bet.replace('"bet"', '"result"')),
        "rollback": (
            "/transaction-rollback",
            "X-Security-Hash",
            valid["/transaction-rollback"],
        ),
    }
    hashes = javascript_hashes([body for _, _, body in cases.values()], secret)
    for (case, (route, header, body)), hash_text in zip(cases.items(), hashes, strict=True):
        yield (
            case,
            request_text(route, {"Content-Type": "application/json", header: hash_text}, body),
        )


SPEAKER = Speaker(
    dialect=DIALECTS["sportsbook"],
    valid=VALID,
    sign=sign_sportsbook,
    signature_header="x-security-hash",
    samples=_samples,
    api_settings='version = "v1"\nusername = "env:K"\npassword = "env:K"',
)
