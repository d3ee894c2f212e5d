"""All settings with their defaults. They are read once and frozen.

The models say what is expected; ``ops.settings.loader`` adds where a wrong value stands.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from ops.settings.dialect_options import expected_option
from ops.settings.dialects import dialects
from ops.settings.sections.api import ApiSettings, checked_for
from ops.settings.sections.background import BackgroundSettings
from ops.settings.sections.backup import BackupSettings
from ops.settings.sections.breaks import BreaksSettings
from ops.settings.sections.close import CloseSettings
from ops.settings.sections.console import ConsoleSettings
from ops.settings.sections.disputes import DisputeSettings
from ops.settings.sections.feed import FeedSettings, checked_pull
from ops.settings.sections.fees import TermsSettings
from ops.settings.sections.journal import JournalSettings
from ops.settings.sections.ledger import LedgerSettings
from ops.settings.sections.metrics import MetricsSettings
from ops.settings.sections.notify import NotifySettings
from ops.settings.sections.people import PeopleSettings
from ops.settings.sections.proofs import ProofsSettings
from ops.settings.sections.reporting import ReportingSettings
from ops.settings.sections.statement import StatementSettings, checked_columns
from ops.settings.urls import checked_broker, checked_database
from ops.settings.values import (
    Cidr,
    Count,
    CurrencyCode,
    Duration,
    NamedDigits,
    Port,
    Processes,
    SecretRef,
    Section,
    Timeout,
    WrongParts,
    checked_zone,
    named_exponents,
)
from vocabulary.currencies import Exponents, digits_of, joined_exponents, outside_iso
from vocabulary.errors import Malformed
from vocabulary.money import minor_from_text
from vocabulary.secrets import Secret

#: The URL of a server that Tieout starts in the data directory.
EMBEDDED = "embedded"
#: The slug under which our own operations are booked.
OWN_SLUG = "tieout"

Mode = Literal["production", "demo", "test"]


class DatabaseSettings(Section):
    """Where the books are kept.

    Attributes:
        url: for workers, scheduler and commands: a role with the rights of tieout_app.
        owner_url: for `tieout migrate`, `init`, `up` and the few others that
            ``docs/privileges.md`` lists: the role that owns the tables; empty: ``url``.
    """

    url: str = Field(default=EMBEDDED, repr=False)
    owner_url: str = Field(default="", repr=False)

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        return url if url == EMBEDDED else checked_database(url)

    @field_validator("owner_url")
    @classmethod
    def _a_database(cls, url: str) -> str:
        return checked_database(url) if url else url


class BrokerSettings(Section):
    """What carries messages from receivers to workers."""

    url: str = Field(default=EMBEDDED, repr=False)

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        return url if url == EMBEDDED else checked_broker(url)


#: Longest pause of a receiver between two commits; providers wait for it.
SPACING_MAX = timedelta(milliseconds=50)


class ReceiverSettings(Section):
    """The HTTP server for callbacks.

    Attributes:
        processes: receivers sharing the port.
        database_url: the database for receivers: a role with the rights of tieout_receiver;
            empty: ``database.url``.
        ops_host, ops_port: address of health and metrics, if not that of the callbacks.
        trusted_proxies: whose X-Forwarded-For is believed.
        body_bytes_max: longest request body, in bytes.
        read_timeout: longest wait for a request's bytes.
        idle_timeout: longest life of a connection without a whole request head.
        commit_timeout: longest wait for a decision before the caller is asked to retry.
        commit_spacing: shortest time between the beginnings of two commits if few callbacks
            wait, so that one commit takes several of them.
        queue_max: callbacks waiting for a decision before further callers are asked to retry.
        clock_off_max: while this host's clock and the database's differ by more, callers are
            asked to retry.
        drain_delay: how long a stopping receiver still takes callbacks, while it is not ready.
        drain_timeout: longest time to answer what is in flight when stopping.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    processes: Processes = 1
    database_url: str = Field(default="", repr=False)
    ops_host: str | None = None
    ops_port: Port | None = None
    trusted_proxies: tuple[Cidr, ...] = ()
    body_bytes_max: Count = 65_536
    read_timeout: Timeout = timedelta(seconds=5)
    idle_timeout: Timeout = timedelta(seconds=75)
    commit_timeout: Timeout = timedelta(seconds=5)
    commit_spacing: Duration = Field(default=timedelta(0), le=SPACING_MAX)
    queue_max: Count = 5_000
    clock_off_max: Timeout = timedelta(seconds=30)
    drain_delay: Duration = timedelta(0)
    drain_timeout: Timeout = timedelta(seconds=10)

    @field_validator("database_url")
    @classmethod
    def _a_database(cls, url: str) -> str:
        return checked_database(url) if url else url


class WorkersSettings(Section):
    """The posting workers.

    Attributes:
        threads: per process.
        sweep_after: age at which an unposted batch is enqueued again.
        sweep_every: how often unposted batches are looked for.
        canary_every: how often a probe travels through each queue.
        stuck_after: a worker or scheduler without progress for so long is restarted.
    """

    processes: Processes = 1
    threads: Processes = 2
    sweep_after: Timeout = timedelta(seconds=2)
    sweep_every: Timeout = timedelta(seconds=1)
    canary_every: Timeout = timedelta(seconds=5)
    stuck_after: Timeout = timedelta(seconds=60)


class ReconcileSettings(Section):
    """Reconciliation on a schedule.

    Attributes:
        every: how often open days are reconciled incrementally and mature days closed; 0s: only
            on request.
        close_unheard_after: how long a mature day waits for its feeds before a person is asked
            to close it with a reason; 0s: nobody is asked. The scheduler never closes it.
    """

    every: Duration = timedelta(0)
    close_unheard_after: Duration = timedelta(0)


class ProviderSettings(Section):
    """One provider.

    Attributes:
        slug: path segment and name in every report.
        currency: where callbacks carry none.
        secrets: any number may be live at once.
        retired_secrets: verify what was accepted under them; no callback is.
        allow_ips: source networks; empty: any.
        maturity: one-sided rows younger than this are timing.
        open_after: a round open longer than this is a break; unset: the dialect decides.
        feed_overlap: how much earlier than its watermark a pull begins.
        exponents: digits after the point of currencies that ISO 4217 does not know; they count
            for every provider.
        options: the dialect's own settings.
        api: how we call the provider; unset: we do not.
        statement: how its statement files are written.
        feed: how its feed is expected to behave.
        terms: by which its invoices are checked; unset: they are not.
        tolerance: by currency, the largest difference of a stake or payout that is accepted.
        disputes: how long it has to answer a dispute, and how it writes its answers.
    """

    slug: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    dialect: str
    exponents: NamedDigits = Field(default_factory=dict)
    currency: CurrencyCode
    secrets: tuple[SecretRef, ...]
    retired_secrets: tuple[SecretRef, ...] = ()
    allow_ips: tuple[Cidr, ...] = ()
    timezone: str = "UTC"
    maturity: Duration = timedelta(minutes=15)
    open_after: Timeout | None = None
    feed_overlap: Timeout = timedelta(hours=1)
    options: Mapping[str, Any] = Field(default_factory=dict)
    api: ApiSettings | None = None
    statement: StatementSettings = StatementSettings()
    feed: FeedSettings = FeedSettings()
    terms: TermsSettings | None = None
    tolerance: Mapping[CurrencyCode, str] = Field(default_factory=dict)
    disputes: DisputeSettings = DisputeSettings()

    @field_validator("slug")
    @classmethod
    def _not_our_own(cls, slug: str) -> str:
        if slug == OWN_SLUG:
            raise ValueError(f"a slug other than {OWN_SLUG}, which names our own operations")
        return slug

    @field_validator("secrets")
    @classmethod
    def _not_without(
        cls, secrets: tuple[Secret, ...], info: ValidationInfo
    ) -> tuple[Secret, ...]:
        if not secrets:
            raise ValueError("at least one")
        return _usable(secrets, info)

    @field_validator("retired_secrets")
    @classmethod
    def _not_live_too(
        cls, retired: tuple[Secret, ...], info: ValidationInfo
    ) -> tuple[Secret, ...]:
        live = {secret.value for secret in info.data.get("secrets", ())}
        if both := [secret.reference for secret in retired if secret.value in live]:
            raise ValueError(f"secrets that are not live too; {both[0]} is among secrets")
        return _usable(retired, info)

    @field_validator("dialect")
    @classmethod
    def _known_dialect(cls, name: str) -> str:
        if name not in dialects():
            raise ValueError(f"one of {', '.join(dialects())}")
        return name

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return checked_zone(name)

    @field_validator("options")
    @classmethod
    def _known_options(
        cls, options: Mapping[str, Any], info: ValidationInfo
    ) -> Mapping[str, Any]:
        if "dialect" not in info.data:  # its own problem is reported
            return options
        dialect_options = dialects()[info.data["dialect"]].options
        wrong = [
            (name, expected)
            for name, value in options.items()
            if (expected := expected_option(dialect_options.get(name), _frozen(value)))
        ]
        if wrong:
            raise WrongParts(wrong)
        return {name: _frozen(value) for name, value in options.items()}

    @field_validator("tolerance")
    @classmethod
    def _amounts(cls, amounts: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        exponents = named_exponents(info)
        wrong = [
            (code, expected)
            for code, amount in amounts.items()
            if (expected := _expected_amount(amount, digits_of(code, exponents)))
        ]
        if wrong:
            raise WrongParts(wrong)
        return amounts

    @field_validator("api")
    @classmethod
    def _api_of_dialect(
        cls, api: ApiSettings | None, info: ValidationInfo
    ) -> ApiSettings | None:
        if api is None or "dialect" not in info.data:
            return api
        return checked_for(api, info.data["dialect"])

    @field_validator("feed")
    @classmethod
    def _pulled_from_somewhere(cls, feed: FeedSettings, info: ValidationInfo) -> FeedSettings:
        if "dialect" not in info.data or "api" not in info.data:  # reported for themselves
            return feed
        has_api = info.data["api"] is not None
        return checked_pull(feed, info.data["dialect"], has_api=has_api)

    @field_validator("statement")
    @classmethod
    def _statement_of_dialect(
        cls, statement: StatementSettings, info: ValidationInfo
    ) -> StatementSettings:
        if "dialect" not in info.data:
            return statement
        return checked_columns(statement, info.data["dialect"])


class Settings(Section):
    """All settings. The defaults are: embedded servers, no providers, production."""

    mode: Mode = "production"
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerSettings = BrokerSettings()
    backup: BackupSettings = BackupSettings()
    receiver: ReceiverSettings = ReceiverSettings()
    console: ConsoleSettings = ConsoleSettings()
    workers: WorkersSettings = WorkersSettings()
    background: BackgroundSettings = BackgroundSettings()
    breaks: BreaksSettings = BreaksSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    close: CloseSettings = CloseSettings()
    proofs: ProofsSettings = ProofsSettings()
    journal: JournalSettings = JournalSettings()
    ledger: LedgerSettings = LedgerSettings()
    metrics: MetricsSettings = MetricsSettings()
    people: PeopleSettings = PeopleSettings()
    reporting: ReportingSettings = ReportingSettings()
    providers: tuple[ProviderSettings, ...] = ()
    notify: tuple[NotifySettings, ...] = ()

    @property
    def exponents(self) -> Exponents:
        """The digits of currencies outside ISO 4217 that providers name.

        They count for what is no provider's: wallets, limits, fees and reports.
        """
        return joined_exponents(entry.exponents for entry in self.providers)

    @field_validator("providers")
    @classmethod
    def _in_the_same_digits(
        cls, entries: tuple[ProviderSettings, ...]
    ) -> tuple[ProviderSettings, ...]:
        """One wallet holds what all providers send, so each knows what one of them names."""
        others = joined_exponents(entry.exponents for entry in entries)
        for entry in entries:
            for code, digits in outside_iso(entry.exponents).items():
                if digits != others[code]:
                    raise ValueError(
                        f"the same digits of {code} in the exponents of every provider, whose"
                        f" players have one wallet in it; {entry.slug} names {digits}, another"
                        f" one {others[code]}"
                    )
        return tuple(
            entry.model_copy(update={"exponents": {**others, **entry.exponents}})
            for entry in entries
        )

    @field_validator("notify")
    @classmethod
    def _known_providers(
        cls, rules: tuple[NotifySettings, ...], info: ValidationInfo
    ) -> tuple[NotifySettings, ...]:
        slugs = {entry.slug for entry in info.data.get("providers", ())}
        names = [rule.name for rule in rules]
        for rule in rules:
            if names.count(rule.name) > 1:
                raise ValueError(f"a name used only once; {rule.name} is used again")
            if "providers" in info.data and (unknown := set(rule.providers) - slugs):
                raise ValueError(f"slugs of configured providers; {min(unknown)} is none")
        return rules


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _expected_amount(amount: str, exponent: int) -> str | None:
    """What the amount should have been, or None when it holds."""
    try:
        holds = minor_from_text(amount, exponent) >= 0
    except Malformed:
        holds = False
    return None if holds else f"a plain amount with at most {exponent} digits after the point"


def _usable(secrets: tuple[Secret, ...], info: ValidationInfo) -> tuple[Secret, ...]:
    """The secrets, if the dialect can verify with each of them."""
    if "dialect" in info.data:  # its own problem is reported
        problem_of = dialects()[info.data["dialect"]].secret_problem
        for secret in secrets:
            if problem := problem_of(secret.value):
                raise ValueError(f"{problem} in {secret.reference}")
    return secrets
