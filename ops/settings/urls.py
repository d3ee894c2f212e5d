"""Checks of the URLs of external servers.

A parameter that a driver does not know would be rejected by the server or silently ignored by
another driver, so it is reported as a problem of the settings. Messages never repeat the URL,
because it may hold a password.
"""

from urllib.parse import SplitResult, parse_qsl, urlsplit

#: What both of our PostgreSQL drivers read from a URL, and the settings of the server itself.
DATABASE_PARAMETERS = frozenset(
    "host port user password dbname passfile sslmode sslrootcert sslcert sslkey sslpassword "
    "sslcrl ssl_min_protocol_version ssl_max_protocol_version target_session_attrs "
    "application_name options".split()
)
#: What RabbitMQ's URI specification calls the files of a TLS connection.
AMQP_PARAMETERS = frozenset(["cacertfile", "certfile", "keyfile"])
BROKER_SCHEMES = ("redis", "rediss", "unix", "amqp", "amqps")


def checked_database(url: str) -> str:
    """Return the URL if it names a PostgreSQL with parameters that every driver knows.

    Raises:
        ValueError: what is expected.
    """
    parts = split_url(url)
    if parts is None or parts.scheme != "postgresql":
        raise ValueError('"embedded" or a URL such as postgresql://user@host/database')
    _refuse_unknown(parts, DATABASE_PARAMETERS)
    return url


def checked_broker(url: str) -> str:
    """Return the URL if it names a Valkey, a Redis or a RabbitMQ.

    Raises:
        ValueError: what is expected.
    """
    parts = split_url(url)
    if parts is None or parts.scheme not in BROKER_SCHEMES:
        raise ValueError(
            '"embedded" or a URL such as redis://host:6379/0 or amqp://user:password@host/vhost'
        )
    if parts.scheme in {"amqp", "amqps"}:
        _refuse_unknown(parts, AMQP_PARAMETERS if parts.scheme == "amqps" else frozenset())
        if "/" in parts.path.removeprefix("/"):
            raise ValueError("a virtual host whose slashes are written %2F")
    return url


def split_url(url: str) -> SplitResult | None:
    """The URL's parts; None where it is none, as with a port that is no number."""
    try:
        parts = urlsplit(url)
        # PostgreSQL takes several hosts, each with its port.
        port = 0 if "," in parts.netloc else parts.port
    except ValueError:
        return None
    return None if port == 0 and "," not in parts.netloc else parts


def _refuse_unknown(parts: SplitResult, allowed: frozenset[str]) -> None:
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if unknown := sorted(names - allowed):
        if not all(map(str.isidentifier, unknown)):  # the rest of a password with ? in it
            raise ValueError("a URL whose password has %2F, %3F, %23 and %40 for /, ?, # and @")
        among = f"known are {', '.join(sorted(allowed))}" if allowed else "there are none"
        raise ValueError(f"a URL without the parameter {', '.join(unknown)}: {among}")
