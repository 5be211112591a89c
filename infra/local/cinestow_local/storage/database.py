"""The one SQLite file: metadata of buckets and objects, open uploads, messages to publish."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, resource TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
    live INTEGER NOT NULL, blob TEXT NOT NULL, record BLOB NOT NULL,
    PRIMARY KEY (bucket, name, generation)
);
CREATE UNIQUE INDEX IF NOT EXISTS one_live_object ON objects (bucket, name) WHERE live;
CREATE INDEX IF NOT EXISTS objects_of_blob ON objects (blob);
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, blob TEXT NOT NULL, record BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS multipart_uploads (
    id TEXT PRIMARY KEY, record BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, record BLOB NOT NULL,
    PRIMARY KEY (upload, number)
);
CREATE TABLE IF NOT EXISTS notification_configs (
    bucket TEXT NOT NULL, id INTEGER NOT NULL, resource TEXT NOT NULL,
    PRIMARY KEY (bucket, id)
);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, data BLOB NOT NULL,
    attributes TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS signers (
    email TEXT PRIMARY KEY, public_key TEXT NOT NULL
);
"""


class Database:
    """A connection for the event loop's thread: calls never overlap, so transactions are whole."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # WAL with NORMAL survives the end of the process at any moment.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Write everything back into the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner transaction is part of the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Run one statement; its rows are read lazily."""
        return self._connection.execute(statement, values)

    def row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return found

    def referenced_blobs(self) -> set[str]:
        """Every blob that an object, an open upload or a part still needs."""
        rows = self._connection.execute(
            "SELECT blob FROM objects UNION SELECT blob FROM sessions UNION SELECT blob FROM parts"
        )
        return {blob for (blob,) in rows}
