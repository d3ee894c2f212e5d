"""Read-only questions about wallets, rounds, accounts and days."""
