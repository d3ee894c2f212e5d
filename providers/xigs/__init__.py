"""The scratch-card platform: rounds opened and closed by signed webhooks on one URL each."""

from providers.dialect import Dialect, lazy_api
from providers.options import any_secret
from providers.xigs.feed import STATEMENT
from providers.xigs.options import API_FIELDS, OPTIONS, history_policy, policy
from providers.xigs.parse import ROUTES, parse
from providers.xigs.respond import respond
from providers.xigs.verify import signature_headers, signing, verify

DIALECT = Dialect(
    name="xigs",
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
    api=lazy_api("providers.xigs.api"),
)
