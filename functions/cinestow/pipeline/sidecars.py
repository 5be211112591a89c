"""The metadata that came with a recording: four routes, gathered and merged.

Object metadata, ``OBJECT.json``, ``OBJECT.xml`` and ``OBJECT.dcm``, where OBJECT is the whole
object name (``rec.webm.json``).
"""

from collections.abc import Callable
from pathlib import Path

from pydicom import Dataset

from cinestow.cloud.objects import ObjectInfo, Objects
from cinestow.dicom.metadata import from_object_metadata, merge
from cinestow.dicom.metadata_header import from_dicom
from cinestow.dicom.metadata_json import from_json
from cinestow.dicom.metadata_xml import from_xml
from cinestow.dicom.values import MAX_METADATA_BYTES

SIDECARS: dict[str, Callable[[bytes], Dataset]] = {
    ".json": from_json,
    ".xml": from_xml,
    ".dcm": from_dicom,
}


def suffix_of(metadata: Path) -> str:
    """Which of the sidecars a metadata file is, by its name; a DICOM file often has none."""
    suffix = metadata.suffix.lower()
    return suffix if suffix in SIDECARS else ".dcm"


def recording_of(name: str) -> str | None:
    """The object that a sidecar belongs to; None when the name is no sidecar's."""
    for suffix in SIDECARS:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix)
    return None


def gather(objects: Objects, upload: ObjectInfo) -> Dataset | None:
    """Merge what came with the upload; None when nothing came.

    Raises ``InputRefused`` for wrong fields and for a conflict in who the patient is.
    """
    sources = [("object metadata", from_object_metadata(upload.metadata))]
    for suffix, read in SIDECARS.items():
        sidecar = objects.stat(upload.ref.bucket, upload.ref.name + suffix)
        if sidecar is None:
            continue
        # One byte too many is enough for the reader to refuse it; a DICOM file may be cut off
        # after its header.
        end = MAX_METADATA_BYTES + (suffix != ".dcm")
        sources.append((suffix, read(b"".join(objects.stream(sidecar.ref, 0, end)))))
    if all(len(dataset) == 0 for _, dataset in sources):
        return None
    return merge(sources)
