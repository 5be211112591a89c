"""The Docker alternative: readable, pinned, and closed to the network."""

from pathlib import Path

import yaml

COMPOSE = Path(__file__).parents[2] / "infra/local/compose.yaml"


def test_every_service_is_pinned_and_published_on_loopback_only() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert set(services) == {"pubsub", "storage", "orthanc"}
    for service in services.values():
        tag = service["image"].rpartition(":")[2]
        assert tag
        assert tag != "latest"
        assert service["ports"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert "network_mode" not in service
