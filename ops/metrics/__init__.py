"""Metrics of finance and operations: read from the database and broker, cached, served."""
