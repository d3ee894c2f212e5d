"""The scratch-card platform: rounds opened and closed by signed webhooks on one URL each."""

from typing import TYPE_CHECKING

from providers.dialect import Dialect
from providers.xigs.feed import STATEMENT
from providers.xigs.options import API_FIELDS, OPTIONS, history_policy, policy
from providers.xigs.parse import ROUTES, parse
from providers.xigs.respond import respond
from providers.xigs.verify import signature_headers, verify

if TYPE_CHECKING:
    from providers.outbound.dialect_api import DialectApi


def _api() -> "DialectApi":
    from providers.xigs.api import API  # noqa: PLC0415 - see Dialect.api

    return API


DIALECT = Dialect(
    name="xigs",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    history_policy=history_policy,
    verify=verify,
    signature_headers=signature_headers,
    parse=parse,
    respond=respond,
    statement=STATEMENT,
    api_fields=API_FIELDS,
    api=_api,
)
