"""Which deployment a command talks to: the environment's, or the local cloud that is running."""

import os
from pathlib import Path

import click
import msgspec

from cinestow.cloud.gcs import GcsObjects, gcs_objects
from cinestow.settings import Settings, settings_from

ENDPOINTS = Path(".local/endpoints.json")


def settings() -> Settings:
    """From the environment if it has ``CINESTOW_`` variables, else from ``.local``.

    The local cloud writes the environment of its functions into ``.local/endpoints.json``.
    """
    if "CINESTOW_PROJECT" not in os.environ:
        if not ENDPOINTS.exists():
            raise click.UsageError(
                "no deployment: set the CINESTOW_ environment variables of one, "
                f"or start the local cloud with `make run` ({ENDPOINTS} is not there)"
            )
        os.environ.update(_local_environment())
    return settings_from(os.environ)


def objects(deployment: Settings) -> GcsObjects:
    """The deployment's buckets."""
    return gcs_objects(deployment.project)


def _local_environment() -> dict[str, str]:
    described = msgspec.json.decode(ENDPOINTS.read_bytes(), type=dict[str, object])
    return msgspec.convert(described["environment"], dict[str, str])
