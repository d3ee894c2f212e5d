"""The pages: each function takes a visit and returns what is shown."""
