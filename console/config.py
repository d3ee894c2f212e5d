"""What the console knows from the settings, as values: it reads no settings itself."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from breaks.corrections.trials import TryCorrections
from breaks.lists.kept_groups import KeptGroups
from breaks.policy import SlaRule, WriteOffLimits
from console.accounts.identity_provider import IdentityProvider
from console.accounts.sessions import BrowserSession
from console.pipeline import Pipeline
from console.uploads import UploadedFile
from ledger.enums import OWN_SLUG
from providers.contract import Callback
from reconcile.days.remembered_figures import RememberedFigures
from reconcile.days.states import DayStatus, StepRules
from reports.notifications.listed_rules import ReadTerms
from reports.notifications.rules import NotifyRule
from reports.rates import ReportingRates
from storage.jobs.kinds import JobKind
from storage.kept import KeptReads
from vocabulary.clock import Clock
from vocabulary.networks import Network
from vocabulary.zones import zone_note, zone_of

#: Reads a day of a provider as it is at an instant.
DayReader = Callable[[Connection, str, date, datetime], DayStatus]
#: Reads days of providers as they are at an instant.
DaysReader = Callable[[Connection, Sequence[tuple[str, date]], datetime], list[DayStatus]]


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """Whether stored bytes verify today.

    Attributes:
        holds: None: it cannot be told.
        why: in words.
    """

    holds: bool | None
    why: str


#: Verifies stored bytes of a provider, by slug, with the secrets of today.
CheckSignature = Callable[[str, Callback], SignatureVerdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """One setting in force.

    Attributes:
        key: its path, such as ``providers.lottery.currency``.
        value: as in the settings file; secrets only as references.
        source: the file or the variable that it comes from, or that it is a default.
    """

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTerms:
    """A provider as pages need it.

    Attributes:
        exponents: its overrides of decimal places.
        takes_statements: whether it has statement files; ``is_pulled``: an API that is pulled.
        pushes: it sends its history by itself.
        stale_after: longest time without anything newer; None: no limit.
    """

    slug: str
    zone: str
    exponents: Mapping[str, int]
    dialect: str = ""
    takes_statements: bool = False
    is_pulled: bool = False
    pushes: bool = False
    stale_after: timedelta | None = None


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
class ApiTerms:
    """Limits of the API.

    Attributes:
        requests_per_minute: of one token or session.
        token_lifetime_max: longest life of a token.
        idempotency: how long answers are kept for repeated requests.
    """

    requests_per_minute: int
    token_lifetime_max: timedelta
    idempotency: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleConfig:
    """The settings of the console and of what it shows.

    Attributes:
        own_exponents: digits of currencies outside ISO 4217, for what is no provider's.
        public_url: where browsers find it; empty: wherever they ask.
        session_lasts: longest life of a session; ``session_idle``: without any request.
        trusted_proxies: whose X-Forwarded-For is believed.
        upload_bytes_max: most bytes of all files of a form.
        job_kinds: what may be requested of the scheduler, by name.
        day_of: reads a day as it is now, with what its feeds have not reported.
        listed_days: reads days for a page together; sums of both sides may be some minutes old,
            and say when they were added up.
        limits: reads the limits in force.
        try_corrections: tries corrections before they are proposed or approved.
        read_pipeline: reads queues, receivers, feeds, sizes and proofs.
        queues: the names of the queues.
        notify_rules: the rules of notifications in force.
        notify_text: makes settings of the fields of a rule; raises Malformed.
        read_rule: makes a rule of the terms that the database has; raises Malformed.
        reporting_zone: of the operator's own days.
        rates: reads the daily rates into the reporting currency; None if none is set.
        check_signature: verifies stored requests again.
        settings: every setting in force, without secrets.
        askable: the slugs of the providers that answer inquiries about single bets.
        api: limits of the API.
        identity_provider: for single sign-on; None: people sign in with passwords.
    """

    providers: tuple[ProviderTerms, ...]
    own_exponents: Mapping[str, int]
    public_url: str
    session_lasts: timedelta
    session_idle: timedelta
    trusted_proxies: tuple[Network, ...]
    day_of: DayReader
    listed_days: DaysReader
    limits: Callable[[], LimitsInForce]
    try_corrections: TryCorrections
    read_pipeline: Callable[[], Pipeline]
    queues: tuple[str, ...]
    notify_rules: tuple[NotifyRule, ...]
    notify_text: Callable[[Mapping[str, str]], str]
    read_rule: ReadTerms
    due_rules: tuple[SlaRule, ...]
    reporting_zone: str
    rates: Callable[[], ReportingRates | None]
    upload_bytes_max: int
    job_kinds: Mapping[str, JobKind]
    check_signature: CheckSignature
    settings: tuple[SettingLine, ...]
    api: ApiTerms
    askable: frozenset[str] = frozenset()
    identity_provider: IdentityProvider | None = None

    @property
    def has_passwords(self) -> bool:
        """Whether people may sign in with a password."""
        return self.identity_provider is None or self.identity_provider.terms.has_passwords

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def zones(self) -> Mapping[str, str]:
        """The zone of each provider, by slug."""
        return {provider.slug: provider.zone for provider in self.providers}

    def today(self, now: datetime) -> date:
        """The operator's own day."""
        return now.astimezone(ZoneInfo(self.reporting_zone)).date()

    def zone_of(self, slug: str) -> str:
        """The zone in which times of a provider are shown; see ``zone_note``."""
        return zone_of(self.zones, slug)

    def zone_note(self, slugs: Iterable[str]) -> str:
        """A sentence about those of the providers that are not configured, if there are any."""
        return zone_note(self.zones, set(slugs) - {OWN_SLUG})

    def exponents(self, slug: str) -> Mapping[str, int]:
        """A provider's decimal places; of an unknown one those that no provider's are."""
        for provider in self.providers:
            if provider.slug == slug:
                return provider.exponents
        return self.own_exponents


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """What every page works with.

    Attributes:
        readers: connections that cannot write.
        writers: connections that can do what people decide, and no more.
        kept: results of costly queries.
        figures: of days that the database keeps.
        groups: the groups of all breaks that are not closed.
    """

    config: ConsoleConfig
    readers: Engine
    writers: Engine
    clock: Clock
    kept: KeptReads
    figures: RememberedFigures
    groups: KeptGroups


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser, as pages see it.

    Attributes:
        session: whose it is; None on the few pages that need nobody.
        path: the parts of the address that a route names.
        form: the fields of a form; each name once.
        files: those of a form, on the routes that take files.
        address: of the browser, as far as trusted proxies tell.
        url: the path with its query.
        browser_token: ties the form that signs in to this browser.
        host: that the browser asked for.
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
    files: tuple[UploadedFile, ...] = ()
    host: str = ""

    @property
    def config(self) -> ConsoleConfig:
        """The settings."""
        return self.console.config

    @property
    def signed_in(self) -> BrowserSession:
        """The session, on pages that need one."""
        assert self.session is not None, "the gate lets nobody else in"
        return self.session
