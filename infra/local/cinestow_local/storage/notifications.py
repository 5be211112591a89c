"""Bucket notifications: what changed is written down with the change, and published until it is."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from cinestow.errors import TryAgain
from cinestow_local.storage.database import Database
from cinestow_local.storage.model import StoredObject, now
from cinestow_local.storage.resources import object_resource

Publish = Callable[[str, bytes, Mapping[str, str]], None]
"""publish(topic, data, attributes): returns when the message is stored, raises ``TryAgain``."""

TOPIC_PREFIX = "//pubsub.googleapis.com/"
LONGEST_WAIT_S = 5.0
logger = logging.getLogger(__name__)


class EventType(StrEnum):
    """The events of Pub/Sub notifications for Cloud Storage."""

    FINALIZE = "OBJECT_FINALIZE"
    METADATA_UPDATE = "OBJECT_METADATA_UPDATE"
    DELETE = "OBJECT_DELETE"
    ARCHIVE = "OBJECT_ARCHIVE"


class Configs:
    """The notification configurations of buckets, as JSON resources."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, bucket: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Add a configuration. Raises 400."""
        topic = resource.get("topic")
        if not (isinstance(topic, str) and topic.startswith(f"{TOPIC_PREFIX}projects/")):
            raise HTTPException(400, f"topic has to be {TOPIC_PREFIX}projects/PROJECT/topics/NAME.")
        if resource.get("payload_format") not in ("JSON_API_V1", "NONE"):
            raise HTTPException(400, "payload_format has to be JSON_API_V1 or NONE.")
        with self._database.transaction():
            row = self._database.row(
                "SELECT max(id) FROM notification_configs WHERE bucket=?", bucket
            )
            number = ((row and row[0]) or 0) + 1
            config = dict(resource) | {"kind": "storage#notification", "id": str(number)}
            config["etag"] = str(number)
            self._database.execute(
                "INSERT INTO notification_configs VALUES (?, ?, ?)",
                *(bucket, number, msgspec.json.encode(config).decode()),
            )
        return config

    def list(self, bucket: str) -> "list[dict[str, Any]]":
        """All configurations of a bucket."""
        rows = self._database.execute(
            "SELECT resource FROM notification_configs WHERE bucket=? ORDER BY id", bucket
        )
        return [msgspec.json.decode(resource) for (resource,) in rows]

    def get(self, bucket: str, number: str) -> dict[str, Any]:
        """One configuration. Raises 404."""
        for config in self.list(bucket):
            if config["id"] == number:
                return config
        raise HTTPException(404, f"Notification {number} not found.")

    def delete(self, bucket: str, number: str) -> None:
        """Remove a configuration. Raises 404."""
        self.get(bucket, number)
        self._database.execute(
            "DELETE FROM notification_configs WHERE bucket=? AND id=?", bucket, int(number)
        )


class Outbox:
    """Messages that still have to be published; part of the transaction that caused them."""

    def __init__(self, database: Database, configs: Configs, base_url: str) -> None:
        self._database = database
        self._configs = configs
        self._base_url = base_url
        self._added = asyncio.Event()

    def announce(
        self, event: EventType, changed: StoredObject, extra: Mapping[str, str] | None = None
    ) -> None:
        """Put a message in the outbox for every configuration that wants this event."""
        for config in self._configs.list(changed.bucket):
            if not _wants(config, event, changed.name):
                continue
            attributes = dict(config.get("custom_attributes", {})) | {
                "notificationConfig": f"projects/_/buckets/{changed.bucket}"
                f"/notificationConfigs/{config['id']}",
                "eventType": event,
                "payloadFormat": config["payload_format"],
                "bucketId": changed.bucket,
                "objectId": changed.name,
                "objectGeneration": str(changed.generation),
                "eventTime": now(),
                **(extra or {}),
            }
            payload = b""
            if config["payload_format"] == "JSON_API_V1":
                payload = msgspec.json.encode(object_resource(changed, self._base_url))
            self._database.execute(
                "INSERT INTO outbox (topic, data, attributes) VALUES (?, ?, ?)",
                config["topic"].removeprefix(TOPIC_PREFIX),
                payload,
                msgspec.json.encode(attributes).decode(),
            )
            self._added.set()

    async def deliver(self, publish: Publish) -> None:
        """Publish for ever: in order, and again what could not be published."""
        wait = 0.05
        while True:
            self._added.clear()
            failed = await self._deliver_once(publish)
            wait = min(2 * wait, LONGEST_WAIT_S) if failed else 0.05
            with suppress(TimeoutError):
                await asyncio.wait_for(self._added.wait(), wait if failed else None)

    async def _deliver_once(self, publish: Publish) -> int:
        failures = []
        rows = self._database.execute("SELECT id, topic, data, attributes FROM outbox ORDER BY id")
        for number, topic, data, attributes in rows.fetchall():
            try:
                await asyncio.to_thread(publish, topic, data, msgspec.json.decode(attributes))
            except TryAgain as error:
                failures.append(error)
            else:
                self._database.execute("DELETE FROM outbox WHERE id=?", number)
        if failures:
            logger.warning("%d notifications wait: %s", len(failures), failures[-1])
        return len(failures)


def _wants(config: Mapping[str, Any], event: EventType, name: str) -> bool:
    events = config.get("event_types") or list(EventType)
    return event in events and name.startswith(config.get("object_name_prefix", ""))
