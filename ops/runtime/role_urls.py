"""The URLs under which the console reads and writes: the owner's database in another role."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from ops.settings.model import EMBEDDED, Settings
from storage.roles import CONSOLE_ROLE, READER_ROLE, url_as
from storage.transactions import engine_at
from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleUrls:
    """The database as the reader and as the role of the console."""

    reader: str
    writer: str


def role_urls(settings: Settings, owner_url: str) -> RoleUrls:
    """The URLs of both roles: those of the settings, or the owner's with another role."""
    # The sockets of the embedded server are the credential of every role.
    login = settings.database.url == EMBEDDED
    return RoleUrls(
        reader=settings.console.read_url or url_as(owner_url, READER_ROLE, login=login),
        writer=settings.console.write_url or url_as(owner_url, CONSOLE_ROLE, login=login),
    )


def require_roles(urls: RoleUrls) -> None:
    """Check that both roles can read the database.

    Raises:
        Unavailable: one of them cannot; says why and what to do.
    """
    for url, role in ((urls.reader, READER_ROLE), (urls.writer, CONSOLE_ROLE)):
        try:
            with engine_at(url) as engine, engine.connect() as connection:
                connection.execute(text("SELECT name FROM people LIMIT 1"))
        except (OperationalError, ProgrammingError) as error:
            reason = str(error.orig).strip().split("\n", 1)[0]
            raise Unavailable(
                f"the console cannot read the database as {role}: {reason}. `tieout migrate` by"
                " a role that may create roles makes it, or set console.read_url and"
                " console.write_url"
            ) from error
