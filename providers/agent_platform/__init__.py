"""The agent platform: balance, bet-with-win and rollback on one URL; statements on request."""

from providers.agent_platform.feed import read_statement
from providers.agent_platform.options import OPTIONS, policy
from providers.agent_platform.parse import ROUTES, parse
from providers.agent_platform.respond import respond
from providers.agent_platform.verify import verify
from providers.contract import Dialect

DIALECT = Dialect(
    name="agent_platform",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    verify=verify,
    parse=parse,
    respond=respond,
    read_statement=read_statement,
)
