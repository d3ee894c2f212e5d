"""The providers' own APIs, as far as their documents tell: state from a seed, kept in memory.

Each system is one application. Every one of them can be told to misbehave: by a header of the
request, by its query, or beforehand by whoever runs it.
"""
