"""Every dialect there is: explicit and alphabetical. No discovery, no hooks."""

from collections.abc import Mapping

from providers.agent_platform import DIALECT as AGENT_PLATFORM
from providers.aggregator import DIALECT as AGGREGATOR
from providers.contract import Dialect
from providers.sportsbook import DIALECT as SPORTSBOOK
from providers.xigs import DIALECT as XIGS

DIALECTS: Mapping[str, Dialect] = {
    d.name: d for d in (AGENT_PLATFORM, AGGREGATOR, SPORTSBOOK, XIGS)
}
