"""Metadata in, DICOM datasets and the bytes around a bit stream out.

pydicom's own validation is switched off for the process: its messages quote values, which may name
a patient. ``values`` checks every value that comes from outside, and quotes none.
"""

from pydicom import config

config.settings.reading_validation_mode = config.IGNORE
config.settings.writing_validation_mode = config.IGNORE
