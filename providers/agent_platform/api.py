"""The agent platform's API: launching."""

from providers.agent_platform.launch import connect
from providers.outbound.dialect_api import DialectApi

API = DialectApi(launch=connect, inquire=None, pull=None)
