"""Buckets and objects: every change is checked, recorded and announced in one transaction."""

import time
from dataclasses import replace
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from cinestow_local.storage.blobs import Blobs
from cinestow_local.storage.database import Database
from cinestow_local.storage.model import Content, Description, StoredObject, now
from cinestow_local.storage.notifications import EventType, Outbox
from cinestow_local.storage.preconditions import Preconditions


class Catalog:
    """What is stored, by bucket, name and generation."""

    def __init__(self, database: Database, blobs: Blobs, outbox: Outbox) -> None:
        self._database = database
        self._blobs = blobs
        self._outbox = outbox
        row = database.row("SELECT max(generation) FROM objects")
        self._newest: int = (row and row[0]) or 0

    def bucket(self, name: str) -> dict[str, Any]:
        """A bucket's resource. Raises 404."""
        row = self._database.row("SELECT resource FROM buckets WHERE name=?", name)
        if row is None:
            raise HTTPException(404, "The specified bucket does not exist.")
        resource: dict[str, Any] = msgspec.json.decode(row[0])
        return resource

    def live(self, bucket: str, name: str) -> StoredObject | None:
        """The live generation, if there is one. Raises 404 for an unknown bucket."""
        self.bucket(bucket)
        row = self._database.row(
            "SELECT record FROM objects WHERE bucket=? AND name=? AND live", bucket, name
        )
        return _decoded(row)

    def find(self, bucket: str, name: str, generation: int | None = None) -> StoredObject:
        """The live generation, or the one asked for. Raises 404."""
        if generation is None:
            found = self.live(bucket, name)
        else:
            self.bucket(bucket)
            found = _decoded(
                self._database.row(
                    "SELECT record FROM objects WHERE bucket=? AND name=? AND generation=?",
                    *(bucket, name, generation),
                )
            )
        if found is None:
            raise HTTPException(404, f"No such object: {bucket}/{name}")
        return found

    def insert(
        self,
        bucket: str,
        name: str,
        content: Content,
        description: Description,
        checks: Preconditions,
    ) -> StoredObject:
        """Make a new live generation. Raises 412; the caller then discards the content."""
        with self._database.transaction():
            old = self.live(bucket, name)
            checks.check_write(old)
            generation, at = self._next_generation(), now()
            new = StoredObject(bucket, name, generation, 1, content, description, at, at)
            if old is not None:
                self._retire(old, at, overwritten_by=generation)
            self._write(new, live=True)
            extra = {"overwroteGeneration": str(old.generation)} if old else {}
            self._outbox.announce(EventType.FINALIZE, new, extra)
        self._sweep(old)
        return new

    def delete(self, bucket: str, name: str, generation: int | None, checks: Preconditions) -> None:
        """Delete the live object, or one generation for good. Raises 404, 412."""
        with self._database.transaction():
            found = self.find(bucket, name, generation)
            checks.check_write(found)
            if generation is None:
                self._retire(found, now())
            else:
                self._remove(found)
                self._outbox.announce(EventType.DELETE, found)
        self._sweep(found)

    def describe(
        self,
        found: StoredObject,
        description: Description,
        checks: Preconditions,
    ) -> StoredObject:
        """Replace an object's description; the metageneration goes up. Raises 412."""
        checks.check_write(found)
        new = replace(
            found,
            description=description,
            metageneration=found.metageneration + 1,
            updated=now(),
        )
        with self._database.transaction():
            self._database.execute(
                "UPDATE objects SET record=? WHERE bucket=? AND name=? AND generation=?",
                *(msgspec.json.encode(new), new.bucket, new.name, new.generation),
            )
            self._outbox.announce(EventType.METADATA_UPDATE, new)
        return new

    def _next_generation(self) -> int:
        self._newest = max(self._newest + 1, time.time_ns() // 1000)
        return self._newest

    def _retire(self, old: StoredObject, at: str, overwritten_by: int | None = None) -> None:
        """A generation is no longer live: kept where the bucket has versioning, else gone."""
        extra = {} if overwritten_by is None else {"overwrittenByGeneration": str(overwritten_by)}
        if self.bucket(old.bucket).get("versioning", {}).get("enabled"):
            self._remove(old)
            retired = replace(old, deleted=at)
            self._write(retired, live=False)
            self._outbox.announce(EventType.ARCHIVE, retired, extra)
        else:
            self._remove(old)
            self._outbox.announce(EventType.DELETE, old, extra)

    def _write(self, record: StoredObject, live: bool) -> None:
        self._database.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?)",
            *(record.bucket, record.name, record.generation, live, record.content.blob),
            msgspec.json.encode(record),
        )

    def _remove(self, record: StoredObject) -> None:
        self._database.execute(
            "DELETE FROM objects WHERE bucket=? AND name=? AND generation=?",
            *(record.bucket, record.name, record.generation),
        )

    def _sweep(self, old: StoredObject | None) -> None:
        """Remove a replaced object's content, unless another object shares it."""
        if old is None:
            return
        blob = old.content.blob
        if self._database.row("SELECT 1 FROM objects WHERE blob=?", blob) is None:
            self._blobs.discard(blob)


def _decoded(row: tuple[Any, ...] | None) -> StoredObject | None:
    return None if row is None else msgspec.json.decode(row[0], type=StoredObject)
