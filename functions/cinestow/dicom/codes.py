"""Coded terms: an item of a code sequence (PS3.3 8.8), and the codes that Cinestow writes."""

from dataclasses import dataclass

from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Code:
    """A code, its coding scheme and its meaning."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        """The sequence item that says it."""
        item = Dataset()
        item.CodeValue = self.value
        item.CodingSchemeDesignator = self.scheme
        item.CodeMeaning = self.meaning
        return item


UNKNOWN = Code("261665006", "SCT", "Unknown")
"""SNOMED CT's qualifier for "not known", which PS3.16 itself uses (CID 3703, CID 6096)."""

PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
"""CID 7005: makes new instances. Modifying Equipment (109103) changes existing ones."""

LOSSY_COMPRESSION = Code("113040", "DCM", "Lossy Compression")
"""CID 7203, Image Derivation."""
