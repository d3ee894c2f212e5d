"""The calls of the scratch-card platform's document that set an account up.

No command needs them: profiles, games and webhooks are configured once, by hand. Tests set the
simulated platform up with them.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import quote

from providers.outbound.replies import Document, name_at, object_at
from providers.wire.decode import Json
from providers.xigs.client import XigsClient, filters_of
from providers.xigs.pages import Item

ProfileType = Literal["cassino", "integrator", "demo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile to create or change. The sandbox accepts only ``demo``."""

    email: str
    description: str
    profile_type: ProfileType
    avatar_url: str | None = None


class XigsAdminClient(XigsClient):
    """Every call of the platform's document."""

    async def create_profile(self, profile: Profile) -> str:
        """Create a profile and return its id."""
        return await self._write("POST /v1/profile", _profile_fields(profile), _id("profileId"))

    async def update_profile(self, profile_id: str, profile: Profile) -> None:
        """Change a profile."""
        await self._write(
            "PUT /v1/profile/{profileId}",
            _profile_fields(profile),
            _done,
            path=f"/v1/profile/{quote(profile_id, safe='')}",
        )

    def profiles(self) -> AsyncIterator[Item]:
        """Every profile of ours."""
        return self._pages("GET /v1/profile", "profileId", {})

    def users(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        user_id: str | None = None,
    ) -> AsyncIterator[Item]:
        """Players, with the balance that the platform keeps for itself."""
        return self._pages("GET /v1/user", "userId", filters_of(since, until, userId=user_id))

    async def configure_game(self, fields: Mapping[str, Json]) -> Document:
        """Create or change a game's configuration, in fields that no document lists."""
        return await self._write("POST /v1/game", fields, _object)

    async def create_webhook(
        self, *, url: str, triggers: Sequence[str], signature_token: str
    ) -> str:
        """Register a URL for callbacks signed with a token of our choice; return its id."""
        fields: dict[str, Json] = {
            "url": url,
            "eventTriggers": list(triggers),
            "signatureToken": signature_token,
        }
        return await self._write("POST /v1/webhook", fields, _id("webhookId"))


def _profile_fields(profile: Profile) -> dict[str, Json]:
    return {
        "email": profile.email,
        "description": profile.description,
        "profileType": profile.profile_type,
        "avatarUrl": profile.avatar_url,
    }


def _id(name: str) -> Callable[[Json], str]:
    return lambda data: name_at(data, name, "data")


def _done(_data: Json) -> None:
    return None


def _object(data: Json) -> Document:
    return object_at(data, "data")
