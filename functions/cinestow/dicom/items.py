"""Enumerated Values, and what each item of a sequence must have (PS3.3), of settable attributes."""

from pydicom.dataset import Dataset

_YES_NO = frozenset({"YES", "NO"})
ENUMERATED: dict[str, frozenset[str]] = {
    "BurnedInAnnotation": _YES_NO,
    "ImageLaterality": frozenset({"R", "L", "U", "B"}),
    "Laterality": frozenset({"R", "L"}),
    "PatientSex": frozenset({"M", "F", "O"}),
    "PregnancyStatus": frozenset({"1", "2", "3", "4"}),
    "QualityControlSubject": _YES_NO,
    "RecognizableVisualFeatures": _YES_NO,
    "SmokingStatus": frozenset({"YES", "NO", "UNKNOWN"}),
    "TypeOfPatientID": frozenset({"TEXT", "RFID", "BARCODE"}),
}
SINGLE_ITEM = frozenset(
    {
        "AnatomicRegionSequence",
        "IssuerOfAccessionNumberSequence",
        "IssuerOfAdmissionIDSequence",
        "IssuerOfPatientIDQualifiersSequence",
        "RequestingServiceCodeSequence",
        "SeriesDescriptionCodeSequence",
    }
)
_CODED = frozenset({"AnatomicRegionSequence", "PrimaryAnatomicStructureSequence"})
_REFERENCES = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "OtherPatientIDsSequence": ("PatientID", "TypeOfPatientID"),
    "ReferencedPerformedProcedureStepSequence": _REFERENCES,
    "ReferencedStudySequence": _REFERENCES,
}


def check_item(sequence: str, item: Dataset) -> str:
    """What an item of ``sequence`` lacks, or ""."""
    if sequence.endswith("CodeSequence") or sequence in _CODED:
        return _code_lacks(item)
    if sequence.startswith("IssuerOf") and "QualifiersSequence" not in sequence:
        return _issuer_lacks(item)
    return ", ".join(keyword for keyword in _REQUIRED.get(sequence, ()) if keyword not in item)


def _code_lacks(item: Dataset) -> str:
    """PS3.3 Table 8.8-1."""
    if "CodeMeaning" not in item:
        return "CodeMeaning"
    if "URNCodeValue" in item:
        return ""
    if "CodeValue" not in item and "LongCodeValue" not in item:
        return "CodeValue"
    return "" if "CodingSchemeDesignator" in item else "CodingSchemeDesignator"


def _issuer_lacks(item: Dataset) -> str:
    """PS3.3 Table 10-17."""
    if "UniversalEntityID" in item:
        return "" if "UniversalEntityIDType" in item else "UniversalEntityIDType"
    return "" if "LocalNamespaceEntityID" in item else "LocalNamespaceEntityID"
