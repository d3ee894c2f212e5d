"""Settings of the web console."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ops.settings.urls import checked_database
from ops.settings.values import Cidr, Port, Section, Timeout, Whole


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

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.netloc):
            raise ValueError("a URL such as https://tieout.example.com")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("a URL without a path: the console is at the root of its host")
        return url.rstrip("/")

    @field_validator("read_url", "write_url")
    @classmethod
    def _a_database(cls, url: str) -> str:
        return checked_database(url) if url else url


def console_url(settings: ConsoleSettings) -> str:
    """Where a browser on this machine finds the console."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    host = f"[{near}]" if ":" in near else near
    return settings.public_url or f"http://{host}:{settings.port}"
