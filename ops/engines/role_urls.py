"""The URLs under which receivers and the console connect: each in a role of its own."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from ops.settings.model import EMBEDDED, Settings
from storage.rights import CONSOLE_ROLE, READER_ROLE, RECEIVER_ROLE
from storage.roles import url_as, url_of_login
from storage.transactions import engine_at
from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleUrls:
    """The database as the reader and as the role of the console."""

    reader: str
    writer: str


def receiver_url(settings: Settings, database_url: str) -> str:
    """Where receivers write: that of the settings, or the embedded server in their own role."""
    if settings.receiver.database_url:
        return settings.receiver.database_url
    if settings.database.url == EMBEDDED:
        return url_of_login(database_url, RECEIVER_ROLE)
    return database_url


def role_urls(settings: Settings, database_url: str) -> RoleUrls:
    """The console's URLs: those of the settings, or the database's with another role."""
    # The sockets of the embedded server are the credential of every role.
    login = settings.database.url == EMBEDDED
    return RoleUrls(
        reader=settings.console.read_url or url_as(database_url, READER_ROLE, login=login),
        writer=settings.console.write_url or url_as(database_url, CONSOLE_ROLE, login=login),
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
                " a role that may create roles makes it; where database.url is not the owner's,"
                " set console.read_url and console.write_url"
            ) from error
