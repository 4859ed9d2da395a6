"""Servers of others: one call over HTTP, and how a call that fails is made again or given up. In the owner."""

from ingestkit_core.remote.calls import GuardedCalls
from ingestkit_core.remote.endpoint import Address, Endpoint, Refused, Service, parse_address
from ingestkit_core.remote.server import Server

__all__ = ["Address", "Endpoint", "GuardedCalls", "Refused", "Server", "Service", "parse_address"]
