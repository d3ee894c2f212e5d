"""Players, wallets and handles from a file."""
