"""Which deployment a command talks to: the environment's, or the local cloud that is running."""

import os
from pathlib import Path

import click
import httpx
import msgspec

from cinestow.cloud.gcs import GcsObjects, gcs_objects
from cinestow.settings import Settings, settings_from

ENDPOINTS = Path(".local/endpoints.json")
ALIVE_S = 5.0


def settings() -> Settings:
    """From the environment if it has ``CINESTOW_`` variables, else of the running local cloud.

    That one writes the environment of its functions into ``.local/endpoints.json``, which is
    looked for here and in the folders above.
    """
    if "CINESTOW_PROJECT" not in os.environ:
        os.environ.update(_local_environment())
    return settings_from(os.environ)


def objects(deployment: Settings) -> GcsObjects:
    """The deployment's buckets."""
    return gcs_objects(deployment.project)


def _local_environment() -> dict[str, str]:
    here = Path.cwd()
    found = [path for folder in (here, *here.parents) if (path := folder / ENDPOINTS).exists()]
    if not found:
        raise click.UsageError(
            "no deployment: set the CINESTOW_ environment variables of one (docs/metadata.md), "
            f"or start the local cloud with `make run` ({ENDPOINTS} is not there)"
        )
    described = msgspec.json.decode(found[0].read_bytes(), type=dict[str, object])
    environment = msgspec.convert(described["environment"], dict[str, str])
    try:
        httpx.get(environment["STORAGE_EMULATOR_HOST"], timeout=ALIVE_S)
    except httpx.TransportError as error:
        raise click.UsageError(
            f"the local cloud of {found[0]} is not running; start it with `make run`"
        ) from error
    return environment
