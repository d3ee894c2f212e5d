"""The API under ``/api/v1``: what pages show and do, as JSON, by the same functions."""
