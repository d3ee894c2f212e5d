"""What the console knows from the settings, as values: it reads no settings itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from breaks.policy import SlaRule, WriteOffLimits
from breaks.trials import TryCorrections
from console.accounts.sessions import BrowserSession
from reconcile.days.states import DayStatus, StepRules
from storage.kept import KeptReads
from vocabulary.clock import Clock
from vocabulary.networks import Network

#: Reads a day of a provider as it is at an instant.
DayReader = Callable[[Connection, str, date, datetime], DayStatus]
#: Reads days of providers as they are at an instant.
DaysReader = Callable[[Connection, Sequence[tuple[str, date]], datetime], list[DayStatus]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTerms:
    """A provider as pages need it; ``exponents`` are its overrides of decimal places."""

    slug: str
    zone: str
    exponents: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsInForce:
    """What one person may do alone, as two people confirmed it.

    Attributes:
        write_offs: who approves how much.
        days: what those who prepare and sign days must keep to.
    """

    write_offs: WriteOffLimits
    days: StepRules


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleConfig:
    """The settings of the console and of what it shows.

    Attributes:
        public_url: where browsers find it; empty: wherever they ask.
        session_lasts: longest life of a session; ``session_idle``: without any request.
        trusted_proxies: whose X-Forwarded-For is believed.
        day_of: reads a day with what its feeds have not reported.
        listed_days: reads the days of a list together; sums of both sides may be some minutes
            old, and say when they were added up.
        limits: reads the limits in force.
        try_corrections: tries corrections before they are proposed or approved.
    """

    providers: tuple[ProviderTerms, ...]
    public_url: str
    session_lasts: timedelta
    session_idle: timedelta
    trusted_proxies: tuple[Network, ...]
    day_of: DayReader
    listed_days: DaysReader
    limits: Callable[[], LimitsInForce]
    try_corrections: TryCorrections
    due_rules: tuple[SlaRule, ...]

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def zones(self) -> Mapping[str, str]:
        """The zone of each provider, by slug."""
        return {provider.slug: provider.zone for provider in self.providers}

    def exponents(self, slug: str) -> Mapping[str, int]:
        """A provider's overrides of decimal places; none for an unknown one."""
        for provider in self.providers:
            if provider.slug == slug:
                return provider.exponents
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """What every page works with.

    Attributes:
        readers: connections that cannot write.
        writers: connections that can do what people decide, and no more.
        kept: results of costly queries.
    """

    config: ConsoleConfig
    readers: Engine
    writers: Engine
    clock: Clock
    kept: KeptReads


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser, as pages see it.

    Attributes:
        session: whose it is; None on the few pages that need nobody.
        path: the parts of the address that a route names.
        form: the fields of a form; each name once.
        address: of the browser, as far as trusted proxies tell.
        url: the path with its query.
        browser_token: ties the form that signs in to this browser.
    """

    console: Console
    session: BrowserSession | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    now: datetime
    address: str
    url: str
    browser_token: str

    @property
    def config(self) -> ConsoleConfig:
        """The settings."""
        return self.console.config

    @property
    def signed_in(self) -> BrowserSession:
        """The session, on pages that need one."""
        assert self.session is not None, "the gate lets nobody else in"
        return self.session
