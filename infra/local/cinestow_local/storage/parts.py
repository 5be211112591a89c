"""The parts of the server, put together."""

from dataclasses import dataclass
from pathlib import Path

from cinestow_local.storage.blobs import Blobs
from cinestow_local.storage.catalog import Catalog
from cinestow_local.storage.database import Database
from cinestow_local.storage.notifications import Configs, Outbox
from cinestow_local.storage.sessions import Sessions


@dataclass(frozen=True)
class Storage:
    """The parts of the server, which handlers find with ``wire.storage(request)``."""

    database: Database
    blobs: Blobs
    catalog: Catalog
    sessions: Sessions
    configs: Configs
    outbox: Outbox


def open_storage(data: Path, base_url: str) -> Storage:
    """Open or create what lies under ``data``; must run in the event loop's thread."""
    blobs = Blobs(data / "blobs")
    database = Database(data / "storage.sqlite3")
    blobs.keep_only(database.referenced_blobs())
    configs = Configs(database)
    outbox = Outbox(database, configs, base_url)
    catalog = Catalog(database, blobs, outbox)
    return Storage(database, blobs, catalog, Sessions(database, blobs, catalog), configs, outbox)
