"""Templates: what a page showed is let go with it."""

import gc
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from console.pages.parameters import zone_values
from console.rendering import local_text, render
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


@pytest.mark.parametrize(
    ("instant", "zone", "text"),
    [
        ("2026-06-04T09:30:00+00:00", "Europe/Warsaw", "2026-06-04 11:30:00"),
        ("0001-01-01T00:00:00+00:00", "America/New_York", "1-01-01 00:00:00.000 UTC"),
        ("9999-12-31T23:59:59.999+00:00", "Europe/Warsaw", "9999-12-31 23:59:59.999 UTC"),
    ],
)
def test_an_instant_that_a_zone_does_not_have_is_shown_in_utc(
    instant: str, zone: str, text: str
) -> None:
    shown = local_text(datetime.fromisoformat(instant), zone)

    assert shown.endswith(text)  # some systems put zeros before a year
