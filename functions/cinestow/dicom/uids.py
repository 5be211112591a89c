"""UIDs and ids of ours, from keyed hashes: the same for the same upload, and not to be guessed."""

import hmac
import json
from hashlib import sha256
from uuid import UUID

from pydicom.dataset import Dataset
from pydicom.uid import UID

from cinestow.dicom.model import Identity
from cinestow.dicom.settable import EQUIPMENT, SERIES

_STUDY_KEYWORDS = ("IssuerOfPatientID", "PatientID", "AccessionNumber")


def upload_id(key: bytes, bucket: str, name: str, generation: int) -> str:
    """The name of an upload in logs and objects of ours: 32 hexadecimal digits."""
    return _digest(key, "upload", bucket, name, str(generation)).hex()[:32]


def sop_instance_uid(key: bytes, bucket: str, name: str, generation: int) -> UID:
    """The SOP Instance UID of an upload's instance."""
    return _uid(key, "instance", bucket, name, str(generation))


def study_uid(key: bytes, metadata: Dataset, bucket: str, name: str, generation: int) -> UID:
    """The study as the metadata says; else of patient and order if both are known; else its own."""
    if given := metadata.get("StudyInstanceUID"):
        return UID(given)
    if is_of_an_order(metadata):
        return _uid(key, "study of order", *_texts(metadata, _STUDY_KEYWORDS))
    return _uid(key, "study", bucket, name, str(generation))


def series_uid(key: bytes, metadata: Dataset, bucket: str, name: str, generation: int) -> UID:
    """The series as the metadata says; else one per order and description; else its own.

    The instances of a series have its attributes and its device in common (PS3.3 A.1.2.3): what
    differs in one of them, such as the side, is of another series.
    """
    if given := metadata.get("SeriesInstanceUID"):
        return UID(given)
    if is_of_an_order(metadata):
        study = study_uid(key, metadata, bucket, name, generation)
        return _uid(key, "series of order", study, _described(metadata, SERIES | EQUIPMENT))
    return _uid(key, "series", bucket, name, str(generation))


def identity(key: bytes, metadata: Dataset, bucket: str, name: str, generation: int) -> Identity:
    """All three UIDs of an upload's instance."""
    return Identity(
        sop_instance=sop_instance_uid(key, bucket, name, generation),
        study=study_uid(key, metadata, bucket, name, generation),
        series=series_uid(key, metadata, bucket, name, generation),
    )


def is_of_an_order(metadata: Dataset) -> bool:
    """Whether both the patient's id and the accession number are known."""
    return bool(metadata.get("PatientID") and metadata.get("AccessionNumber"))


def _texts(metadata: Dataset, keywords: tuple[str, ...]) -> list[str]:
    return [str(metadata.get(keyword, "")) for keyword in keywords]


def _described(metadata: Dataset, keywords: frozenset[str]) -> str:
    """Those of the keywords that the metadata gives, in one text."""
    described = Dataset()
    for keyword in sorted(keywords):
        if keyword in metadata:
            described[keyword] = metadata[keyword]
    return json.dumps(described.to_json_dict(), sort_keys=True)


def _digest(key: bytes, *parts: str) -> bytes:
    """Each part goes in with its length: no two different lists of parts hash alike."""
    encoded = [part.encode() for part in parts]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
    return hmac.new(key, message, sha256).digest()


def _uid(key: bytes, *parts: str) -> UID:
    """UUID-derived (PS3.5 B.2). Version 4 of X.667: to anyone without the key it is random."""
    uuid = UUID(bytes=_digest(key, *parts)[:16], version=4)
    return UID(f"2.25.{uuid.int}")
