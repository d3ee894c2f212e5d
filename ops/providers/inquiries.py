"""Inquiries about single bets to configured providers."""

import asyncio
from datetime import datetime

from ops.settings.model import Settings
from providers.outbound.inquiry import InquiryAnswer
from providers.registry import DIALECTS
from workers.ask_provider import AskProvider, InquiryTerms


def askable(settings: Settings) -> list[str]:
    """The slugs of the providers whose API answers inquiries."""
    return [
        entry.slug
        for entry in settings.providers
        if entry.api is not None and DIALECTS[entry.dialect].api().inquire is not None
    ]


def terms_of(settings: Settings) -> InquiryTerms:
    """The intervals and limits of inquiries."""
    return InquiryTerms(
        min_interval=settings.breaks.ask_every,
        attempts_max=settings.breaks.ask_attempts,
        reuse_for=settings.breaks.answer_lasts,
    )


def asker(settings: Settings) -> AskProvider:
    """Return a function that asks a provider by slug.

    It raises ApiError, or SettingsInvalid without an API. Its answer is a failure if the
    provider is not configured, or its dialect has no such call.
    """
    entries = {entry.slug: entry for entry in settings.providers}
    hosts = frozenset(settings.breaks.page_hosts)

    def ask(provider: str, key: str, began: datetime | None) -> InquiryAnswer:
        entry = entries.get(provider)
        if entry is None:
            return InquiryAnswer(verdict="failed", reason="the provider is not configured")
        if DIALECTS[entry.dialect].api().inquire is None:
            return InquiryAnswer(
                verdict="failed", reason="its document has no call about one bet"
            )
        # Imports the HTTP client (0.15 s, 15 MB), which few workers ever need.
        from ops.providers.inquiry_client import inquire  # noqa: PLC0415

        return asyncio.run(inquire(entry, key, began, hosts))

    return ask
