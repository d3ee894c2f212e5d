"""The sportsbook: bets, results and rollbacks as single transactions, a daily statement."""

from providers.contract import Dialect
from providers.sportsbook.feed import read_statement
from providers.sportsbook.options import OPTIONS, policy
from providers.sportsbook.parse import ROUTES, parse
from providers.sportsbook.respond import respond
from providers.sportsbook.verify import verify

DIALECT = Dialect(
    name="sportsbook",
    routes=ROUTES,
    options=OPTIONS,
    policy=policy,
    verify=verify,
    parse=parse,
    respond=respond,
    read_statement=read_statement,
)
