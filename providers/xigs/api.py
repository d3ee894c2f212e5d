"""The platform's API: launching, asking about one round, and pulling history."""

from providers.outbound.dialect_api import DialectApi
from providers.xigs.inquiry import inquire
from providers.xigs.launch import connect
from providers.xigs.pull import FEEDS

API = DialectApi(launch=connect, inquire=inquire, pull=FEEDS)
