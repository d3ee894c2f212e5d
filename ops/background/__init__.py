"""Background work slows itself while callbacks are slow."""
