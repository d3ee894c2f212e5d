"""Pages of what goes to providers and accounting: disputes, invoices, reports."""
