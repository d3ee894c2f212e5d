"""Preparing an installation: settings, data directory and schema."""
