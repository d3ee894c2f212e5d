"""The aggregator's API: launching, and asking about one bet."""

from providers.aggregator.inquiry import inquire
from providers.aggregator.launch import connect
from providers.outbound.dialect_api import DialectApi

API = DialectApi(launch=connect, inquire=inquire, pull=None)
