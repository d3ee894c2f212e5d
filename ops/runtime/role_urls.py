"""The URLs under which the console reads and writes: the owner's database in another role."""

from dataclasses import dataclass

from ops.settings.model import EMBEDDED, Settings
from storage.roles import CONSOLE_ROLE, READER_ROLE, url_as


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
