"""What every page of the console takes, over books of a given size."""
