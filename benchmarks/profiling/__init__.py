"""Where the processor time of a callback goes: processes, functions, statements, indexes."""
