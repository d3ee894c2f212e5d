"""The scratch-card platform: rounds opened and closed by signed webhooks on one URL each."""

from providers.contract import Dialect
from providers.xigs.feed import read_statement
from providers.xigs.options import OPTIONS, policy
from providers.xigs.parse import ROUTES, parse
from providers.xigs.respond import respond
from providers.xigs.verify import verify

DIALECT = Dialect(
    name="xigs",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    verify=verify,
    parse=parse,
    respond=respond,
    read_statement=read_statement,
)
