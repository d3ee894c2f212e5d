"""The API of the hub: launching, asking about one round, and pulling transactions."""

from providers.content_hub.inquiry import inquire
from providers.content_hub.launch import connect
from providers.content_hub.pull import FEEDS
from providers.outbound.dialect_api import DialectApi

API = DialectApi(launch=connect, inquire=inquire, pull=FEEDS)
