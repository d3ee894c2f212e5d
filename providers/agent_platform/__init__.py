"""The agent platform: balance, bet-with-win and rollback on one URL; statements on request."""

from providers.agent_platform.feed import STATEMENT
from providers.agent_platform.options import API_FIELDS, OPTIONS, history_policy, policy
from providers.agent_platform.parse import ROUTES, parse
from providers.agent_platform.respond import respond
from providers.agent_platform.verify import signature_headers, signing, verify
from providers.dialect import Dialect, lazy_api
from providers.options import any_secret

DIALECT = Dialect(
    name="agent_platform",
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
    api=lazy_api("providers.agent_platform.api"),
)
