"""Zones of providers, and what is said of one that left the settings."""

from vocabulary.zones import zone_note, zone_of

ZONES = {"lottery": "Europe/Vienna", "poker": "Asia/Tokyo"}


def test_times_of_a_provider_that_is_not_configured_are_in_utc_and_it_is_said() -> None:
    assert zone_of(ZONES, "lottery") == "Europe/Vienna"
    assert zone_of(ZONES, "gone") == "UTC"
    assert zone_note(ZONES, ["lottery", "gone", "gone"]) == (
        "gone is not configured: no zone is known, so days and times are in UTC"
    )
    assert zone_note(ZONES, ["older", "gone"]).startswith("gone, older are not configured:")


def test_nothing_is_said_of_configured_providers() -> None:
    assert zone_note(ZONES, ["poker", "lottery"]) == ""
    assert zone_note(ZONES, []) == ""
