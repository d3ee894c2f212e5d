"""What the command line can do: one module per command, loaded when it is chosen."""
