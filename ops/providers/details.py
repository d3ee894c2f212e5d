"""Which providers can be asked about one bet; who has no such call says so as an answer."""

import asyncio
from datetime import datetime

from breaks.provider_inquiries import InquiryAnswer
from ops.settings.model import Settings
from workers.ask_provider import AskProvider, InquiryTerms

#: The dialects whose documents have a call for it.
ASKABLE = ("aggregator", "xigs")


def askable(settings: Settings) -> list[str]:
    """The slugs of the providers that can be asked."""
    return [
        entry.slug
        for entry in settings.providers
        if entry.dialect in ASKABLE and entry.api is not None
    ]


def terms_of(settings: Settings) -> InquiryTerms:
    """How providers are asked."""
    given = settings.breaks
    return InquiryTerms(
        min_interval=given.ask_every,
        attempts_max=given.ask_attempts,
        reuse_for=given.answer_lasts,
    )


def asker(settings: Settings) -> AskProvider:
    """Asks whichever provider is named; raises ApiError, or SettingsInvalid without an API."""
    known = {entry.slug: entry for entry in settings.providers}
    hosts = frozenset(settings.breaks.page_hosts)

    def ask(provider: str, key: str, began: datetime | None) -> InquiryAnswer:
        entry = known.get(provider)
        if entry is None:
            return InquiryAnswer(verdict="failed", reason="the provider is not configured")
        if entry.dialect not in ASKABLE:
            return InquiryAnswer(
                verdict="failed", reason="its document has no call about one bet"
            )
        from ops.providers.details_ask import ask_one  # noqa: PLC0415 - heavy, and rarely needed

        return asyncio.run(ask_one(entry, key, began, hosts))

    return ask
