"""The endpoints of the API, one module for each thing, each with its list of ``ENDPOINTS``."""
