"""Custom metadata of objects, and the merging of sources."""

import pytest
from pydicom.dataset import Dataset

from cinestow.dicom.metadata import from_object_metadata, merge
from cinestow.errors import InputRefused, RefusalCode


class TestObjectMetadata:
    def test_keys_in_any_case(self) -> None:
        dataset = from_object_metadata({"patientid": "1", "PATIENTNAME": "A^B", "Modality": "ES"})
        assert (dataset.PatientID, dataset.PatientName, dataset.Modality) == ("1", "A^B", "ES")

    def test_other_peoples_keys_are_left_alone(self) -> None:
        others = {"cinestow-lease": "x", "goog-reserved": "y", "SOPInstanceUID": "no uid", "": "z"}
        assert len(from_object_metadata(others)) == 0

    def test_several_values_are_split_only_where_there_may_be_several(self) -> None:
        dataset = from_object_metadata(
            {"operatorsname": "A^B\\C^D", "patientcomments": "back\\slash", "seriesnumber": "3"}
        )
        assert list(dataset.OperatorsName) == ["A^B", "C^D"]
        assert dataset.PatientComments == "back\\slash"
        assert dataset.SeriesNumber == 3

    def test_numbers_come_as_text(self) -> None:
        assert from_object_metadata({"pregnancystatus": "4"}).PregnancyStatus == 4

    @pytest.mark.parametrize(
        ("custom", "keyword"),
        [
            ({"patientbirthdate": "Secret"}, "PatientBirthDate"),
            ({"patientid": "Secret", "PatientID": "Other"}, "PatientID"),
            ({"patientid": "Secret\\Other"}, "PatientID"),
            ({"anatomicregionsequence": "Secret"}, "AnatomicRegionSequence"),
        ],
    )
    def test_wrong_value_is_refused_by_name(self, custom: dict[str, str], keyword: str) -> None:
        with pytest.raises(InputRefused, match=f"field {keyword}") as refusal:
            from_object_metadata(custom)
        assert refusal.value.code is RefusalCode.METADATA_INVALID
        assert "Secret" not in str(refusal.value)


def of(**given: str) -> Dataset:
    return from_object_metadata(given)


class TestMerge:
    def test_sources_add_up_and_the_earliest_wins(self) -> None:
        merged = merge(
            [
                ("object metadata", of(PatientID="1", StudyDescription="first")),
                ("a.json", of(PatientID="1", StudyDescription="second", PatientSex="F")),
            ]
        )
        assert merged.PatientID == "1"
        assert merged.StudyDescription == "first"
        assert merged.PatientSex == "F"

    def test_nothing_to_merge(self) -> None:
        assert len(merge([])) == 0

    @pytest.mark.parametrize(
        ("keyword", "one", "other"),
        [
            ("PatientID", "secret1", "secret2"),
            ("IssuerOfPatientID", "secret1", "secret2"),
            ("PatientName", "Secret^Jane", "Secret^John"),
            ("PatientName", "Secret^Jane", "=秘^密"),
            ("PatientName", "Secret^Jane=秘^密", "Secret^Jane=秘^蜜"),
            ("PatientBirthDate", "20010203", "20010204"),
            ("PatientSex", "M", "F"),
        ],
    )
    def test_conflict_in_who_the_patient_is(self, keyword: str, one: str, other: str) -> None:
        sources = [
            ("object metadata", of(**{keyword: one})),
            ("nothing", of()),
            ("a.json", of(**{keyword: other})),
        ]
        with pytest.raises(InputRefused) as refusal:
            merge(sources)
        assert refusal.value.code is RefusalCode.METADATA_CONFLICT
        sentence = refusal.value.sentence
        assert all(name in sentence for name in (keyword, "object metadata", "a.json"))
        assert one not in sentence
        assert other not in sentence

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("DOE^JANE", "Doe^Jane"),
            ("Doe^Jane^^", "Doe^Jane"),
            ("Yamada^Tarou=山田^太郎", "Yamada^Tarou"),
            ("Mu\u0308ller^A", "M\u00fcller^A"),
        ],
    )
    def test_the_same_name_written_differently_is_no_conflict(self, one: str, other: str) -> None:
        merged = merge([("a", of(PatientName=one)), ("b", of(PatientName=other))])
        assert merged.PatientName == one
