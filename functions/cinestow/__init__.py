"""Cinestow: recordings in, DICOM video instances stored, playable previews out."""

__version__ = "0.1.0"
