"""Find what an id, a name or an amount belongs to, for the command line and the console."""
