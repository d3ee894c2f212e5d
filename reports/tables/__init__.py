"""The tables of a report pack; every file format shows the same ones."""
