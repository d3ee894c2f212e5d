"""The content hub's document as data: its samples, and its voice."""

from collections.abc import Iterator

from providers.contract import Callback
from providers.registry import DIALECTS
from providers.wire.rsa import rsa_sha256
from simulator.systems.content_hub.keys import DEMO_NAME
from tests.harness.providers.speaker import Speaker, request_text, secret_of
from tests.harness.servers.node import javascript_rsa_signatures

NAME = "content_hub"

_USER = '"user":"u-42","request_uuid":"583c985f-fee6-4c0e-bbf5-308aad6265af"'
_SESSION = f'{_USER},"token":"session-7f3a","game_code":"hub_lucky_comet"'
_ROUND = '"round":"R-1001","round_closed":'
_MONEY = '"currency":"USD","amount":'


def _transaction(own: str, *, closed: bool) -> str:
    ids = f'"transaction_uuid":"{own}","supplier_transaction_id":"S-{own}"'
    return f"{_SESSION},{ids},{_ROUND}{str(closed).lower()}"


BET = "{" + _transaction("T-1", closed=False) + f",{_MONEY}1000000" + "}"
WIN = (
    "{"
    + _transaction("T-2", closed=True)
    + f',"reference_transaction_uuid":"T-1",{_MONEY}2550000'
    + "}"
)
ROLLBACK = "{" + _transaction("T-3", closed=True) + ',"reference_transaction_uuid":"T-1"' + "}"
VALID = {
    "/user/info": "{" + _USER + "}",
    "/user/balance": "{" + _SESSION + "}",
    "/transaction/bet": BET,
    "/transaction/win": WIN,
    "/transaction/rollback": ROLLBACK,
}
_OPTIONAL = (
    '"is_free":true,"is_aggregated":null,"reward_uuid":"W-1","bet":"zero","meta":{"lines":20}'
)


def sign(route: str, body: bytes, secret: bytes) -> Callback:
    """Put the signature of the raw body into the header; ``secret`` names a key."""
    signature = rsa_sha256(secret_of(NAME, secret), body)
    headers = {"content-type": "application/json", "x-hub-signature": signature}
    return Callback(route=route, headers=headers, body=body)


def _samples(secret: str) -> Iterator[tuple[str, bytes]]:
    cases = {
        "info": ("/user/info", VALID["/user/info"]),
        "balance": ("/user/balance", VALID["/user/balance"]),
        "bet": ("/transaction/bet", BET),
        "bet_closing": ("/transaction/bet", BET.replace("false", "true")),
        "bet_free": ("/transaction/bet", BET.replace("1000000}", "0," + _OPTIONAL + "}")),
        "bet_of_one_cent": ("/transaction/bet", BET.replace("1000000", "1000")),
        "win": ("/transaction/win", WIN),
        "win_of_nothing": ("/transaction/win", WIN.replace("2550000", "0")),
        "rollback": ("/transaction/rollback", ROLLBACK),
    }
    key = secret_of(NAME, secret.encode()).decode()
    signatures = javascript_rsa_signatures([body for _, body in cases.values()], key)
    for (case, (route, body)), signature in zip(cases.items(), signatures, strict=True):
        headers = {"Content-Type": "application/json", "X-Hub-Signature": signature}
        yield case, request_text(route, headers, body)


SPEAKER = Speaker(
    dialect=DIALECTS[NAME],
    valid={route: body.encode() for route, body in VALID.items()},
    sign=sign,
    signature_header="x-hub-signature",
    samples=_samples,
    api_settings='key = "env:K"\nagent_id = 77',
    sample_secret=DEMO_NAME.decode(),
)
