"""The simulated systems by name, and as a receiver is configured for them."""

from collections.abc import Mapping
from datetime import datetime

from providers.contract import OptionValue
from providers.registry import DIALECTS
from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import WireRequest
from simulator.protocol.messages import Call
from simulator.protocol.system import SimulatedApi, System
from simulator.systems.registry import SYSTEMS
from tests.harness.currencies import CRYPTO
from vocabulary.currencies import digits_of

AGENT_PLATFORM = SYSTEMS["agent_platform"]
AGGREGATOR = SYSTEMS["aggregator"]
CONTENT_HUB = SYSTEMS["content_hub"]
SPORTSBOOK = SYSTEMS["sportsbook"]
XIGS = SYSTEMS["xigs"]
ALL_SYSTEMS = tuple(SYSTEMS.values())


def configuration(
    system: System,
    *,
    slug: str | None = None,
    secret: bytes = b"secret",
    currency: str = "USD",
    options: Mapping[str, OptionValue] | None = None,
) -> Configuration:
    """A receiver's configuration for a system: the dialect's defaults, some options changed.

    Args: ``secret`` is the name of one, as ``System.secret_of`` takes it.
    """
    defaults = {name: option.default for name, option in DIALECTS[system.name].options.items()}
    return Configuration(
        slug=slug or system.name,
        currency=currency,
        exponent=digits_of(currency, CRYPTO),
        secrets=(system.secret_of(secret),),
        options={**defaults, **(options or {})},
    )


def name_of(value: object) -> str | None:
    """A test's name for a system; pytest names the rest."""
    return value.name if isinstance(value, System) else None


def make_api(system: System, seed: int) -> SimulatedApi:
    """The system's API with the credentials of a demonstration."""
    assert system.api is not None
    return system.api(seed)


def request_for(
    call: Call, secret: bytes, *, agent_id: int = 0, sent_at: datetime | None = None
) -> WireRequest:
    """The request that makes a call; ``agent_id`` where the system's calls carry one."""
    system = SYSTEMS[call.side.name]
    options = {"agent_id": agent_id} if agent_id else {}
    return system.request(call, configuration(system, secret=secret, options=options), sent_at)
