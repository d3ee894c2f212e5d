"""The register of invoices: received, approved by another person, disputed, paid."""
