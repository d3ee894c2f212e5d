"""Figures for finance: totals, invoices, resolution rates and reports."""
