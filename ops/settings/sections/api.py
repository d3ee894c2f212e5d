"""Settings of a provider's own API: URL, credentials, time-outs."""

import re
from datetime import timedelta

from pydantic import ValidationInfo, field_validator

from ops.settings.dialects import dialects
from ops.settings.urls import split_url
from ops.settings.values import Agent, Attempts, LateSecretRef, Section, Timeout, WrongParts

_API_URL = re.compile(r"(https?)://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)


class ApiSettings(Section):
    """The provider's own API, which we call.

    Attributes:
        base_url: the prefix of every path.
        deadline: longest time for one call, repeats included.
        attempts: most requests for one call that may be repeated.
        key: authenticates or signs every request.
        prefix: the prefix of our account.
        form_bodies: bodies are form-encoded instead of JSON.
        version: the API version.
        username, password: what a login takes.
        agent_id: our number at the provider.
        profile: the profile under which players are found.
    """

    base_url: str
    deadline: Timeout = timedelta(seconds=10)
    attempts: Attempts = 3
    key: LateSecretRef | None = None
    prefix: str | None = None
    form_bodies: bool = False
    version: str | None = None
    username: LateSecretRef | None = None
    password: LateSecretRef | None = None
    agent_id: Agent | None = None
    profile: str | None = None

    @field_validator("base_url")
    @classmethod
    def _safe(cls, url: str, info: ValidationInfo) -> str:
        is_test = (info.context or {}).get("mode", "test") in {"demo", "test"}
        match = _API_URL.fullmatch(url)
        if (
            match is None
            or split_url(url) is None
            or (match.group(1) == "http" and not is_test)
        ):
            raise ValueError(
                "a URL such as https://api.example.com (http: only in demo or test)"
            )
        return url


#: The settings of every provider's API; the dialect names the others that it uses.
COMMON_FIELDS = frozenset({"base_url", "deadline", "attempts"})


def checked_for(api: ApiSettings, dialect: str) -> ApiSettings:
    """The settings, if they are those of this dialect's API.

    Raises:
        WrongParts: a field is missing, or is another dialect's.
    """
    fields = dialects()[dialect].api_fields
    set_fields = api.model_fields_set
    wrong = [(name, "a value, it is required") for name in sorted(fields.required - set_fields)]
    foreign = sorted(set_fields - fields.required - fields.optional - COMMON_FIELDS)
    wrong += [(name, "a setting of this dialect's API") for name in foreign]
    if wrong:
        raise WrongParts(wrong)
    return api
