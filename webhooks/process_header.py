"""Which process answers; apart from the routes, so that others know it without a web server."""

#: The header of ``/readyz`` that names the process which answers.
PROCESS = "Tieout-Process"
