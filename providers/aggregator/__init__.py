"""The game aggregator: five signed callbacks under one base URL, history pushed."""

from providers.aggregator.options import API_FIELDS, OPTIONS, history_policy, policy
from providers.aggregator.parse import ROUTES, parse
from providers.aggregator.respond import respond
from providers.aggregator.verify import signature_headers, signing, verify
from providers.dialect import Dialect, lazy_api
from providers.options import any_secret

DIALECT = Dialect(
    name="aggregator",
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
    statement=None,
    api_fields=API_FIELDS,
    api=lazy_api("providers.aggregator.api"),
)
