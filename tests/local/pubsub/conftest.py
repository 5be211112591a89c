from collections.abc import Iterator

import pytest

from support.pubsub import PubSubServer, pubsub_server
from support.pubsub_clients import Clients, pubsub_clients


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubSubServer]:
    with pubsub_server(tmp_path_factory.mktemp("pubsub")) as server:
        yield server


@pytest.fixture(scope="package")
def package_clients(server: PubSubServer) -> Iterator[Clients]:
    with pubsub_clients(server.host) as clients:
        yield clients


@pytest.fixture
def clients(package_clients: Clients) -> Clients:
    """Clients with names of this test's own."""
    return Clients(package_clients.publisher, package_clients.subscriber)
