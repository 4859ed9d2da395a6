"""What every backend on a server of others is: its address, its connections, closed with it."""

from __future__ import annotations

from ingestkit_core.closing import Closing
from ingestkit_core.remote.endpoint import Address, Endpoint, Service

__all__ = ["Server"]


class Server(Closing):
    """A backend over HTTP. ``url`` may be shown; what it is called in messages, and its codes, are the service's."""

    def __init__(self, address: Address, api_key: str | None, service: Service) -> None:
        self.url = address.shown
        self._endpoint = Endpoint(address, api_key, service)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._endpoint.close()
