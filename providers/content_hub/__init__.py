"""The content hub: many houses of games behind one wallet protocol, signed with an RSA key."""

from providers.content_hub.feed import STATEMENT
from providers.content_hub.options import API_FIELDS, OPTIONS, history_policy, policy
from providers.content_hub.parse import ROUTES, parse
from providers.content_hub.respond import respond
from providers.content_hub.verify import signature_headers, signing, verify
from providers.dialect import Dialect, lazy_api
from providers.wire.rsa import public_key_problem

DIALECT = Dialect(
    name="content_hub",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    history_policy=history_policy,
    verify=verify,
    signature_headers=signature_headers,
    secret_problem=public_key_problem,
    signing=signing,
    parse=parse,
    respond=respond,
    statement=STATEMENT,
    api_fields=API_FIELDS,
    api=lazy_api("providers.content_hub.api"),
)
