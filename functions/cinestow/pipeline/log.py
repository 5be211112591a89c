"""One line of JSON a step, in the fields that Cloud Logging reads. Never any patient data.

Silent until ``write_to`` is called, as the deployed functions do; the command line stays quiet.
"""

import logging
from typing import Literal, TextIO

import msgspec

_LOGGER = logging.getLogger("cinestow")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False


def log(
    severity: Literal["INFO", "WARNING", "ERROR", "CRITICAL"],
    message: str,
    **fields: str | int | float,
) -> None:
    """Say that a step was done."""
    _LOGGER.log(logging.getLevelName(severity), message, extra={"fields": fields})


def write_to(stream: TextIO) -> None:
    """Write every step to ``stream`` from now on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLine())
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        line = {"severity": record.levelname, "message": record.getMessage(), **fields}
        return msgspec.json.encode(line).decode()
