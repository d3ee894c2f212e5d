"""The sections of the settings, each with its values and defaults."""
