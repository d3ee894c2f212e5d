"""Send one message over its channel, within a bounded time."""

import asyncio
import os
import smtplib
import ssl
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp

from reports.notifications.message import Notification, chat_of, mail_of, webhook_of
from reports.notifications.rules import Channel, MailServer, Webhook
from vocabulary.errors import Refused, TieoutError
from vocabulary.secrets import Secret

#: Longest time for one attempt, in seconds.
SEND_TIMEOUT_S = 10


class SendingFailed(TieoutError):
    """The channel did not accept the message; says why, without secrets or whole URLs."""


def send(message: Notification, channel: Channel, sent_at: datetime) -> None:
    """Send one message.

    Raises:
        SendingFailed: the channel cannot be reached, is too slow, or refuses the message.
    """
    if isinstance(channel, MailServer):
        _mail(message, channel)
        return
    if isinstance(channel, Webhook):
        try:
            body, headers = webhook_of(message, _value(channel.secret), sent_at)
        except Refused as error:
            raise SendingFailed(f"{channel.secret.reference}: {error}") from error
    else:
        body, headers = chat_of(message), {"content-type": "application/json"}
    asyncio.run(_post(channel.url, body, headers))


def _value(secret: Secret) -> bytes:
    if secret.missing:
        raise SendingFailed(
            f"expected {secret.missing}, where messages are sent from; set it and start the"
            " scheduler again"
        )
    return secret.value


def _mail(message: Notification, server: MailServer) -> None:
    mail = mail_of(message, server)
    try:
        password = _value(server.password).decode() if server.password else ""
        with smtplib.SMTP(server.host, server.port, timeout=SEND_TIMEOUT_S) as session:
            if server.starttls:
                session.starttls(context=ssl.create_default_context())
            if server.user:
                session.login(server.user, password)
            refused = session.send_message(mail)
    except UnicodeError:  # it holds the password, so it is no cause that a log may show
        raise SendingFailed(_not_ascii(server)) from None
    except (OSError, smtplib.SMTPException) as error:
        raise SendingFailed(_mail_failure(server, error)) from error
    if refused:
        raise SendingFailed(f"{_place(server)} refuses {', '.join(sorted(refused))}")


def _mail_failure(server: MailServer, error: Exception) -> str:
    """What went wrong with a mail server, and what to look at."""
    place = _place(server)
    match error:
        case smtplib.SMTPNotSupportedError() if server.starttls:
            return f"{place} cannot encrypt: {error}; another port, or starttls = false"
        case smtplib.SMTPAuthenticationError():
            return f"{place} refuses the user {server.user} or the password: {error}"
        case smtplib.SMTPException():
            return f"{place} does not take the mail: {type(error).__name__}: {error}"
        case ssl.SSLError():
            return f"the certificate of {place} does not hold: {error}"
        case TimeoutError():
            return f"{place} gave no answer within {SEND_TIMEOUT_S} s"
        case _:
            why = getattr(error, "strerror", None) or error
            return f"cannot connect to {place}: {why}; look at mail.host and mail.port"


def _not_ascii(server: MailServer) -> str:
    """That user or password have a character that no login can send."""
    password = server.password.reference if server.password else "mail.password"
    return f"{password} or mail.user has another character than ASCII, which logins cannot send"


def _place(server: MailServer) -> str:
    return f"the mail server {server.host}:{server.port}"


async def _post(url: Secret, body: bytes, headers: dict[str, str]) -> None:
    address = _value(url).decode("utf-8", "replace").strip()
    timeout = aiohttp.ClientTimeout(total=SEND_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(address, data=body, headers=headers, allow_redirects=False) as reply,
        ):
            code = reply.status
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise SendingFailed(_post_failure(url, address, error)) from error
    if not 200 <= code < 300:
        raise SendingFailed(
            f"POST to {_host(address)} ({url.reference}): status {code}; 2xx is expected"
        )


def _post_failure(url: Secret, address: str, error: Exception) -> str:
    """What went wrong with a URL, and what to look at; of the URL only the host is named."""
    place = f"{_host(address)} ({url.reference})"
    match error:
        case aiohttp.ClientSSLError():  # before ValueError, which it is, too
            return f"the certificate of {place} does not hold: {error}"
        case ValueError() | aiohttp.NonHttpUrlClientError():
            return f"{url.reference} holds no URL such as https://chat.example.com/hook"
        case TimeoutError():
            return f"{place} gave no answer within {SEND_TIMEOUT_S} s"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno or 0  # below zero: of a name that is not found
            why = os.strerror(number) if number > 0 else error.os_error.strerror or "no address"
            return f"cannot connect to {place}: {why}; look whether it runs, and at the URL"
        case _:
            return f"{place} broke the connection off: {type(error).__name__}"


def _host(address: str) -> str:
    """Host and port of a URL: the path of a chat's URL is a secret, and so is its user."""
    try:
        parts = urlsplit(address)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "no host"
