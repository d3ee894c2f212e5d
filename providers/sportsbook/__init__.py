"""The sportsbook: bets, results and rollbacks as single transactions, a daily statement."""

from providers.dialect import Dialect, lazy_api
from providers.options import any_secret
from providers.sportsbook.feed import STATEMENT
from providers.sportsbook.options import API_FIELDS, OPTIONS, history_policy, policy
from providers.sportsbook.parse import ROUTES, parse
from providers.sportsbook.respond import respond
from providers.sportsbook.verify import signature_headers, signing, verify

DIALECT = Dialect(
    name="sportsbook",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    history_policy=history_policy,
    verify=verify,
    signature_headers=signature_headers,
    secret_problem=any_secret,
    signing=signing,
    parse=parse,
    respond=respond,
    statement=STATEMENT,
    api_fields=API_FIELDS,
    api=lazy_api("providers.sportsbook.api"),
)
