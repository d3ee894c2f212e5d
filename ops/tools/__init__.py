"""Tools for developers of Tieout."""
