"""What a dialect needs to call its provider's API: who we are there, and a transport."""

from dataclasses import dataclass

from providers.contract import Provider
from providers.outbound.calls import Transport
from vocabulary.clock import Clock
from vocabulary.errors import SettingsInvalid
from vocabulary.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccount:
    """Our account at a provider's API, as configured.

    Each dialect names the fields it needs (``ApiFields``); the others are None or False.

    Attributes:
        key: authenticates or signs every request.
        prefix: the prefix of our account.
        form_bodies: bodies are form-encoded instead of JSON.
        version: the API version.
        agent_id: our number at the provider.
        profile: the profile under which players are found.
    """

    key: Secret | None
    prefix: str | None
    form_bodies: bool
    version: str | None
    username: Secret | None
    password: Secret | None
    agent_id: int | None
    profile: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccess:
    """Access to the API of one configured provider."""

    provider: Provider
    account: ApiAccount
    transport: Transport
    clock: Clock


def secret_text(secret: Secret | None) -> str:
    """A required secret as text for a header or a body.

    Raises:
        SettingsInvalid: its bytes are not UTF-8.
    """
    assert secret is not None  # the settings require it for this dialect
    try:
        return secret.value.decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsInvalid([f"{secret.reference}: expected text"]) from None
