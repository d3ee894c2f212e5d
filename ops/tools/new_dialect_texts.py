"""The texts of a new dialect, ``NAME`` standing for its name."""

from collections.abc import Mapping

_DIALECT = '''\
"""The NAME dialect: one URL, bets and wins as single transactions."""

from providers.NAME.options import OPTIONS, policy
from providers.NAME.parse import ROUTES, parse
from providers.NAME.respond import respond
from providers.NAME.verify import verify
from providers.contract import Dialect

DIALECT = Dialect(
    name="NAME",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    verify=verify,
    parse=parse,
    respond=respond,
    read_statement=None,
)
'''

_OPTIONS = '''\
"""What the document of NAME leaves open, as settings. Every default is an assumption."""

from collections.abc import Mapping

from providers.contract import Option, OptionValue, Policy

OPTIONS: Mapping[str, Option] = {
    "signature_header": Option(
        default="x-signature",
        choices=None,
        assumed=True,
        meaning="the header that holds the signature",
    ),
}


def policy(_options: Mapping[str, OptionValue]) -> Policy:
    """What the ledger should do, given complete options."""
    return Policy(
        orphan_win_credits=False,
        rollback_of_rollback_accepts=False,
        round_per_operation=True,
    )
'''

_VERIFY = '''\
"""Did NAME send this? A keyed hash over the raw body, in a header."""

from providers.options import text_of
from providers.contract import Callback, Provider, Verified
from providers.wire.signatures import matches
from vocabulary.errors import NotAuthentic, SignatureMissing


def verify(callback: Callback, provider: Provider) -> Verified:
    """Prove the sender over the raw bytes.

    Raises:
        NotAuthentic: no signature, or one that none of the secrets gives.
    """
    name = text_of(provider, "signature_header").lower()
    presented = callback.headers.get(name)
    if not presented:
        raise SignatureMissing(f"the header {name} is missing")
    if not matches(presented, callback.body, provider.secrets):
        raise NotAuthentic("the signature does not hold")
    return Verified(callback, None)
'''

_PARSE = '''\
"""What an authentic callback of NAME says happened."""

from providers.contract import Provider, Verified from providers.wire.fields import
currency_code, exact_fields, identifier, one_of, unsigned_amount from providers.wire.decode
import Number, decode_json from vocabulary.errors import Malformed from vocabulary.facts import
Bet, Fact, Win

#: Every suffix it is called on; one URL for everything.
ROUTES = ("",)

_FIELDS = frozenset({"transaction_id", "type", "player_id", "currency", "amount"})


def parse(verified: Verified, provider: Provider) -> Fact:
    """Read one fact from a verified body.

    Raises:
        Malformed: an unknown route, another field set, or a field that is not of its type.
    """
    if verified.callback.route not in ROUTES:
        raise Malformed("route", "a route of this dialect is expected")
    fields = exact_fields(decode_json(verified.callback.body), _FIELDS)
    value = fields["amount"]
    if not isinstance(value, str | Number):
        raise Malformed("amount", "a decimal number is expected")
    currency = currency_code(fields["currency"], "currency")
    amount = unsigned_amount(value, currency, provider, path="amount")
    key = identifier(fields["transaction_id"], "transaction_id")
    handle = identifier(fields["player_id"], "player_id")
    if one_of(fields["type"], ("bet", "win"), "type") == "bet":
        return Bet(key=key, handle=handle, amount=amount, round_id=key, occurred_at=None)
    return Win(
        key=key,
        handle=handle,
        amount=amount,
        round_id=key,
        bet_key=None,
        stake=None,
        occurred_at=None,
    )
'''

_RESPOND = '''\
"""What NAME must hear: a balance, or an error that carries none."""

from collections.abc import Mapping

from providers.contract import Provider
from vocabulary.outcomes import Answer, Outcome, Verdict

_STANDS = frozenset({Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED})
_STATUSES: Mapping[Verdict, int] = {
    Verdict.DECLINED_FUNDS: 402,
    Verdict.DECLINED_BLOCKED: 403,
    Verdict.CONFLICT: 409,
    Verdict.ROLLED_BACK: 409,
    Verdict.IRREVERSIBLE: 409,
    Verdict.BET_UNKNOWN: 404,
    Verdict.PLAYER_UNKNOWN: 404,
    Verdict.NOT_AUTHENTIC: 401,
    Verdict.SIGNATURE_MISSING: 401,
    Verdict.ADDRESS_REFUSED: 403,
    Verdict.TOO_LARGE: 413,
    Verdict.TOO_SLOW: 408,
    Verdict.ROUTE_UNKNOWN: 404,
    Verdict.METHOD_WRONG: 405,
    Verdict.UNAVAILABLE: 500,
}


def respond(outcome: Outcome, provider: Provider) -> Answer:
    """Say the outcome in the provider's words. Total: every verdict has an answer."""
    verdict = outcome.verdict
    if verdict is Verdict.RECORDED:
        return Answer(200, b"{}")
    if verdict not in _STANDS:
        body = f'{{"error":"{verdict.value}"}}'
        return Answer(_STATUSES.get(verdict, 400), body.encode("ascii"))
    if outcome.balance is None:
        return Answer(500, b'{"error":"unavailable"}')
    shown = outcome.balance.text(exponents=provider.exponents)
    return Answer(200, f'{{"balance":"{shown}"}}'.encode("ascii"))
'''

_TEST = '''\
"""The samples of NAME: there is one for every route, and each means what it says."""

import json

from providers.NAME import DIALECT
from providers.registry import DIALECTS
from tests.harness.providers.samples import expected, folder, read_request

REQUESTS = sorted(folder(DIALECT.name).glob("*.http"))


def test_the_dialect_is_registered_under_its_name() -> None:
    assert DIALECTS["NAME"] is DIALECT


def test_every_route_has_a_sample_as_the_provider_sends_it() -> None:
    assert {read_request(path).route for path in REQUESTS} == set(DIALECT.routes)


def test_every_sample_states_its_fact_and_gets_its_replies() -> None:
    assert REQUESTS
    for path in REQUESTS:
        told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

        assert expected(DIALECT, read_request(path)) == told, path.name
'''

#: Every file of a new dialect, by its path from the root.
FILES: Mapping[str, str] = {
    "providers/{name}/__init__.py": _DIALECT,
    "providers/{name}/options.py": _OPTIONS,
    "providers/{name}/verify.py": _VERIFY,
    "providers/{name}/parse.py": _PARSE,
    "providers/{name}/respond.py": _RESPOND,
    "providers/{name}/samples/.gitkeep": "",
    "tests/unit/test_providers_{name}_samples.py": _TEST,
}
