"""What survives the server: topics, subscriptions, unacknowledged messages and their attempts.

SQLite with a write-ahead log: what a call returned from is in the operating system's hands, so
killing the process (not the machine) loses nothing. One process at a time may open a journal.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from google.pubsub_v1 import types

from cinestow.errors import ConfigurationError
from cinestow_local.pubsub.backlog import Delivery

_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS subscription (name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, ordering_key TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL, message INTEGER NOT NULL, attempts INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_message ON delivery (message);
"""
_DROP_MESSAGE = (
    "DELETE FROM message WHERE id = ? AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = ?)"
)


class Journal:
    """The tables. Message bodies are read back when they are handed out, so few lie in memory.

    Raises ``ConfigurationError`` when the folder is in use by another server.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "pubsub.sqlite3", timeout=1)
        try:
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._db.close()
            raise ConfigurationError(
                f"{folder} cannot be served ({error}). Stop the other server that uses it, or "
                "choose another folder with --data."
            ) from error

    def close(self) -> None:
        """Write the log back into the file and let go of it."""
        self._db.close()

    def transaction(self) -> AbstractContextManager[object]:
        """All changes inside the block stand, or none of them."""
        return self._db

    def topics(self) -> list[types.Topic]:
        """Every topic."""
        rows = self._db.execute("SELECT body FROM topic")
        return [types.Topic.deserialize(body) for (body,) in rows]

    def save_topic(self, topic: types.Topic) -> None:
        """Add or replace a topic."""
        row = (topic.name, types.Topic.serialize(topic))
        self._db.execute("INSERT OR REPLACE INTO topic VALUES (?, ?)", row)

    def delete_topic(self, name: str) -> None:
        """Forget a topic."""
        self._db.execute("DELETE FROM topic WHERE name = ?", (name,))

    def subscriptions(self) -> list[types.Subscription]:
        """Every subscription."""
        rows = self._db.execute("SELECT body FROM subscription")
        return [types.Subscription.deserialize(body) for (body,) in rows]

    def save_subscription(self, subscription: types.Subscription) -> None:
        """Add or replace a subscription."""
        row = (subscription.name, types.Subscription.serialize(subscription))
        self._db.execute("INSERT OR REPLACE INTO subscription VALUES (?, ?)", row)

    def delete_subscription(self, name: str) -> None:
        """Forget a subscription and what it did not acknowledge."""
        self._db.execute("DELETE FROM subscription WHERE name = ?", (name,))
        rows = self._db.execute(
            "DELETE FROM delivery WHERE subscription = ? RETURNING message", (name,)
        )
        self._db.executemany(_DROP_MESSAGE, [(message, message) for (message,) in rows.fetchall()])

    def append(
        self, message: types.PubsubMessage, subscriptions: Iterable[str]
    ) -> tuple[str, list[tuple[str, Delivery]]]:
        """Keep a message for each of the subscriptions; its id, and the deliveries by name."""
        body = types.PubsubMessage.serialize(message)
        insert = "INSERT INTO message (ordering_key, body) VALUES (?, ?)"
        message_id = self._db.execute(insert, (message.ordering_key, body)).lastrowid or 0
        deliveries = []
        for name in subscriptions:
            insert = "INSERT INTO delivery (subscription, message, attempts) VALUES (?, ?, 0)"
            delivery_id = self._db.execute(insert, (name, message_id)).lastrowid or 0
            new = Delivery(delivery_id, message_id, message.ordering_key, len(body), 0)
            deliveries.append((name, new))
        if not deliveries:
            self._db.execute(_DROP_MESSAGE, (message_id, message_id))
        return str(message_id), deliveries

    def message(self, delivery: Delivery) -> types.PubsubMessage:
        """The message of a delivery that is not removed."""
        select = "SELECT body FROM message WHERE id = ?"
        (body,) = self._db.execute(select, (delivery.message_id,)).fetchone()
        message: types.PubsubMessage = types.PubsubMessage.deserialize(body)
        message.message_id = str(delivery.message_id)
        return message

    def deliveries(self) -> Iterator[tuple[str, Delivery]]:
        """What is not acknowledged, with the names of the subscriptions, oldest first."""
        select = (
            "SELECT subscription, delivery.id, message, ordering_key, length(body), attempts"
            " FROM delivery JOIN message ON message.id = message ORDER BY delivery.id"
        )
        for name, *row in self._db.execute(select):
            yield name, Delivery(*row)

    def count_attempt(self, delivery: Delivery) -> Delivery:
        """The delivery with one attempt more."""
        attempts = delivery.attempts + 1
        self._db.execute("UPDATE delivery SET attempts = ? WHERE id = ?", (attempts, delivery.id))
        return replace(delivery, attempts=attempts)

    def remove(self, delivery: Delivery) -> None:
        """Forget a delivery, and its message when no other subscription waits for it."""
        self._db.execute("DELETE FROM delivery WHERE id = ?", (delivery.id,))
        self._db.execute(_DROP_MESSAGE, (delivery.message_id, delivery.message_id))
