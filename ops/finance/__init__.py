"""Invoices, fees and journals of configured providers, for commands and for jobs."""
