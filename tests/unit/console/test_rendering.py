"""Templates: what a page showed is let go with it."""

import gc
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from console.pages.parameters import zone_values
from console.rendering import render
from tests.unit.console.configs import config


class Shown:
    """Something that a page shows."""


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No collection of garbage, so that only what nothing refers to goes."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_nothing_keeps_what_a_page_showed() -> None:
    shown = Shown()
    alive = weakref.ref(shown)
    render("timeline.html", {"events": shown})  # has macros, and imports others with its values

    del shown

    assert alive() is None


@pytest.mark.parametrize("note", ["gone is not configured", ""])
def test_a_page_about_a_provider_without_a_zone_says_so(note: str) -> None:
    values = {
        **dict.fromkeys(
            ["person", "query_text", "notice", "form_token", "section", "title"], ""
        ),
        **zone_values(config(), "lottery" if not note else "gone"),
        **dict.fromkeys(["sections", "personal"], ()),
        "current_path": "/",
        "now": datetime(2026, 6, 4, tzinfo=UTC),
    }

    assert (f'<p class="notice">{note}' in render("base.html", values)) is bool(note)
