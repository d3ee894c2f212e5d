"""Pages of requested jobs, and how other pages request one."""
