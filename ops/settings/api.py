"""Settings of a provider's own API: URL, credentials, time-outs."""

import re
from collections.abc import Mapping
from datetime import timedelta

from pydantic import ValidationInfo, field_validator

from ops.settings.values import Agent, Attempts, SecretRef, Section, Timeout, WrongParts

_API_URL = re.compile(r"(https?)://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)


class ApiSettings(Section):
    """The provider's own API, which we call.

    Attributes:
        base_url: the prefix of every path.
        deadline: longest time for one call, repeats included.
        attempts: most requests for one call that may be repeated.
        key: aggregator, agent_platform (where it is not the first secret) and xigs.
        prefix, form_bodies: aggregator; the account's prefix, and bodies as forms.
        version, username, password: sportsbook.
        agent_id: agent_platform.
        profile: xigs; the profile under which players are found.
    """

    base_url: str
    deadline: Timeout = timedelta(seconds=10)
    attempts: Attempts = 3
    key: SecretRef | None = None
    prefix: str | None = None
    form_bodies: bool = False
    version: str | None = None
    username: SecretRef | None = None
    password: SecretRef | None = None
    agent_id: Agent | None = None
    profile: str | None = None

    @field_validator("base_url")
    @classmethod
    def _safe(cls, url: str, info: ValidationInfo) -> str:
        is_test = (info.context or {}).get("mode", "test") in {"demo", "test"}
        match = _API_URL.fullmatch(url)
        if match is None or (match.group(1) == "http" and not is_test):
            raise ValueError(
                "a URL such as https://api.example.com (http: only in demo or test)"
            )
        return url


#: By dialect: the fields of its API table that must be given, and those that may be.
API_FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "agent_platform": (frozenset({"agent_id"}), frozenset({"key"})),
    "aggregator": (frozenset({"key"}), frozenset({"prefix", "form_bodies"})),
    "sportsbook": (frozenset({"version", "username", "password"}), frozenset()),
    "xigs": (frozenset({"key"}), frozenset({"profile"})),
}
_OF_ALL = frozenset({"base_url", "deadline", "attempts"})


def checked_for(api: ApiSettings, dialect: str) -> ApiSettings:
    """The settings, if they are those of this dialect's API.

    Raises:
        WrongParts: a field is missing, or is another dialect's.
    """
    needed, allowed = API_FIELDS[dialect]
    set_fields = api.model_fields_set
    wrong = [(name, "a value, it is required") for name in sorted(needed - set_fields)]
    foreign = sorted(set_fields - needed - allowed - _OF_ALL)
    wrong += [(name, "a setting of this dialect's API") for name in foreign]
    if wrong:
        raise WrongParts(wrong)
    return api
