"""When corrected rounds began: kept ready, because each is on another page of the books."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from console.config import Console
from reconcile.days.corrections import corrected_rounds

#: How long ago their corrections were proposed, at most; a page reads those of others itself.
PROPOSED_WITHIN = timedelta(days=100)
#: The age from which they are read anew behind a page. A round that is corrected has begun.
_RENEWED_AFTER = timedelta(minutes=10)
_NOTHING: Mapping[str, datetime] = {}


def kept_key(provider: str) -> tuple[str, str]:
    """Where they are kept."""
    return ("corrected rounds", provider)


def keep_corrected_rounds(console: Console, provider: str) -> None:
    """Read them."""
    with console.readers.connect() as connection:
        console.kept.read(connection, kept_key(provider), _reader(console, provider))


def known_beginnings(
    console: Console, connection: Connection, provider: str
) -> Mapping[str, datetime]:
    """What is kept of a provider, by round id: no page waits for all of them."""
    key = kept_key(provider)
    if console.kept.age(key) is None:
        return _NOTHING
    read = _reader(console, provider)
    return console.kept.get(connection, key, read, renewed_after=_RENEWED_AFTER).value


def _reader(console: Console, provider: str) -> Callable[[Connection], dict[str, datetime]]:
    since = console.clock.now() - PROPOSED_WITHIN
    return partial(corrected_rounds, provider=provider, since=since)
