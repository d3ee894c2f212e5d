"""Invoices of providers checked against the totals."""
