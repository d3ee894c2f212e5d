"""Pages of single things: a round, an operation, a player, a batch, a seal, a file."""
