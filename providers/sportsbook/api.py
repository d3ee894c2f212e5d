"""The sportsbook's API: launching."""

from providers.outbound.dialect_api import DialectApi
from providers.sportsbook.launch import connect

API = DialectApi(launch=connect, inquire=None, pull=None)
