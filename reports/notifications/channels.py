"""Send one message over its channel, within a bounded time."""

import asyncio
import smtplib
import ssl
from datetime import datetime

import aiohttp

from reports.notifications.message import Notification, chat_of, mail_of, webhook_of
from reports.notifications.rules import Channel, MailServer, Webhook
from vocabulary.errors import Refused, TieoutError

#: Longest time for one attempt, in seconds.
SEND_TIMEOUT_S = 10


class SendingFailed(TieoutError):
    """The channel did not accept the message; says why, without secrets or URLs."""


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
            body, headers = webhook_of(message, channel.secret.value, sent_at)
        except Refused as error:
            raise SendingFailed(f"{channel.secret.reference}: {error}") from error
    else:
        body, headers = chat_of(message), {"content-type": "application/json"}
    asyncio.run(_post(channel.url.value.decode("utf-8", "replace").strip(), body, headers))


def _mail(message: Notification, server: MailServer) -> None:
    mail = mail_of(message, server)
    try:
        with smtplib.SMTP(server.host, server.port, timeout=SEND_TIMEOUT_S) as session:
            if server.starttls:
                session.starttls(context=ssl.create_default_context())
            if server.user:
                password = server.password.value.decode() if server.password else ""
                session.login(server.user, password)
            refused = session.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise SendingFailed(f"mail: {type(error).__name__}: {error}") from error
    if refused:
        raise SendingFailed(f"mail: refused for {', '.join(sorted(refused))}")


async def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    timeout = aiohttp.ClientTimeout(total=SEND_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as reply,
        ):
            code = reply.status
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise SendingFailed(f"POST: {type(error).__name__}") from error
    if not 200 <= code < 300:
        raise SendingFailed(f"POST: status {code}; 2xx is expected")
