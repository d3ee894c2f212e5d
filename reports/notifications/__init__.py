"""Notifications: what people are told without having asked, by mail or over HTTP."""
