"""Settings of the web console."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import SplitResult

from pydantic import Field, field_validator

from ops.settings.urls import checked_database, split_url
from ops.settings.values import Cidr, Count, LateSecretRef, Port, Section, Timeout, Whole


class ConsoleApiSettings(Section):
    """The API of the console.

    Attributes:
        requests_per_minute: of one token or session, in one process.
        token_lifetime_max: longest life of a token.
        idempotency: how long the answer of an Idempotency-Key is kept.
    """

    requests_per_minute: Count = 600
    token_lifetime_max: Timeout = timedelta(days=365)
    idempotency: Timeout = timedelta(hours=24)


class OidcSettings(Section):
    """Single sign-on by OpenID Connect.

    Attributes:
        issuer: as the identity provider writes it in its tokens.
        client_secret: unset: a public client, which PKCE protects.
        claim: of the identity token, names the person; only the identity provider's
            administrators may be able to change it.
        domain: people of this domain only: the claim is NAME@DOMAIN; empty: the claim is the
            name.
        passwords: people may also sign in with a password.
    """

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret: LateSecretRef | None = None
    claim: str = Field(default="preferred_username", min_length=1)
    domain: str = ""
    passwords: bool = True

    @field_validator("issuer")
    @classmethod
    def _over_tls(cls, url: str) -> str:
        parts = split_url(url)
        if parts is None or not _is_safe(parts):
            raise ValueError("a URL such as https://id.example.com")
        if parts.query or parts.fragment:
            raise ValueError("a URL without a query")
        return url


class ConsoleSettings(Section):
    """The web console for finance and operations.

    Attributes:
        port: 0: any free port, which ``tieout up`` prints.
        public_url: where browsers find it; with https, cookies and pages are for TLS only.
        read_url: the database that pages read, a replica or a role of your own; empty: that of
            ``database.url``, as the role tieout_reader.
        write_url: the database for what people decide; empty: that of ``database.url``, as the
            role tieout_console.
        session: longest life of a session.
        idle: longest time of a session without any request.
        trusted_proxies: whose X-Forwarded-For is believed.
        upload_max_bytes: most bytes of the files of one form.
        jobs_keep: how long a requested job is kept after its end.
        job_files_keep: how long its files are kept, at most as long as the job.
        receivers: where receivers serve health and metrics, such as http://10.0.0.5:9101;
            empty: those of this machine, by receiver.ops_port.
        api: limits of the API.
        oidc: single sign-on; unset: people sign in with passwords.
    """

    host: str = "127.0.0.1"
    port: Port = 8090
    public_url: str = ""
    read_url: str = Field(default="", repr=False)
    write_url: str = Field(default="", repr=False)
    session: Timeout = timedelta(hours=12)
    idle: Timeout = timedelta(hours=2)
    trusted_proxies: tuple[Cidr, ...] = ()
    upload_max_bytes: Annotated[Whole, Field(ge=1, le=256 << 20)] = 64 << 20
    jobs_keep: Timeout = timedelta(days=30)
    job_files_keep: Timeout = timedelta(days=7)
    receivers: tuple[str, ...] = ()
    api: ConsoleApiSettings = ConsoleApiSettings()
    oidc: OidcSettings | None = None

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, url: str) -> str:
        parts = split_url(url)
        if parts is None or (url and not _is_of_web(parts)):
            raise ValueError("a URL such as https://tieout.example.com")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("a URL without a path: the console is at the root of its host")
        return url.rstrip("/")

    @field_validator("receivers")
    @classmethod
    def _receivers(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = split_url(url)
            if parts is None or not _is_of_receiver(parts):
                raise ValueError("URLs such as http://10.0.0.5:9101, without a path")
        return tuple(url.rstrip("/") for url in urls)

    @field_validator("read_url", "write_url")
    @classmethod
    def _a_database(cls, url: str) -> str:
        return checked_database(url) if url else url


def _is_safe(parts: SplitResult) -> bool:
    """Whether a URL is of TLS, or of this machine."""
    near = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    is_tls = parts.scheme == "https" and bool(parts.hostname)
    return is_tls or (parts.scheme == "http" and near)


def _is_of_web(parts: SplitResult) -> bool:
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _is_of_receiver(parts: SplitResult) -> bool:
    """Whether a URL is of plain HTTP, and without a path."""
    return parts.scheme == "http" and bool(parts.hostname) and not parts.path.strip("/")


def console_url(settings: ConsoleSettings) -> str:
    """Where a browser on this machine finds the console."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    host = f"[{near}]" if ":" in near else near
    return settings.public_url or f"http://{host}:{settings.port}"
