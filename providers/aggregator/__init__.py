"""The game aggregator: five signed callbacks under one base URL, history pushed."""

from providers.aggregator.feed import READ_STATEMENT
from providers.aggregator.options import OPTIONS, policy
from providers.aggregator.parse import ROUTES, parse
from providers.aggregator.respond import respond
from providers.aggregator.verify import verify
from providers.contract import Dialect

DIALECT = Dialect(
    name="aggregator",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    verify=verify,
    parse=parse,
    respond=respond,
    read_statement=READ_STATEMENT,
)
