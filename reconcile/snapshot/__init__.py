"""Both sides of a window, read from one database snapshot into frames."""
