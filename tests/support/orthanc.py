"""A real Orthanc for tests: an independent judge of what is stored and retrieved."""

from cinestow_local.orthanc import Orthanc, orthanc

__all__ = ["Orthanc", "orthanc"]
