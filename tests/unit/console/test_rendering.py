"""Templates: what a page showed is let go with it."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from console.rendering import render


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
