"""Ids and UIDs of uploads."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import UID

from cinestow.dicom.metadata import from_object_metadata
from cinestow.dicom.uids import identity, series_uid, sop_instance_uid, study_uid, upload_id

KEY = b"0123456789abcdef0123456789abcdef"
UPLOAD = ("uploads", "recording.webm", 7)
OTHER_UPLOAD = ("uploads", "other.webm", 8)


def of(**given: str) -> Dataset:
    return from_object_metadata(given)


def test_upload_id_is_stable_and_keyed() -> None:
    assert re.fullmatch("[0-9a-f]{32}", upload_id(KEY, *UPLOAD))
    assert upload_id(KEY, *UPLOAD) == "91e49b5aefd2e0926f067eb4cbf06104"
    assert upload_id(KEY, *UPLOAD) != upload_id(b"another key", *UPLOAD)


@given(
    st.binary(min_size=1, max_size=64),
    st.text(),
    st.text(),
    st.integers(min_value=0, max_value=2**63),
)
def test_sop_instance_uid_is_always_a_legal_uuid_derived_uid(
    key: bytes, bucket: str, name: str, generation: int
) -> None:
    uid = sop_instance_uid(key, bucket, name, generation)
    assert uid.is_valid
    assert uid.startswith("2.25.")
    uuid = UUID(int=int(uid.removeprefix("2.25.")))
    assert (uuid.version, uuid.variant) == (4, "specified in RFC 4122")
    assert sop_instance_uid(key, bucket, name, generation) == uid


def test_uids_never_change_between_releases() -> None:
    expected = "2.25.233709153908432810168483037335614185168"
    assert sop_instance_uid(KEY, *UPLOAD) == expected


def test_parts_do_not_run_into_each_other() -> None:
    assert sop_instance_uid(KEY, "ab", "c", 1) != sop_instance_uid(KEY, "a", "bc", 1)
    assert sop_instance_uid(KEY, "a", "b", 11) != sop_instance_uid(KEY, "a", "b1", 1)


def test_every_generation_is_its_own_instance() -> None:
    uids = {sop_instance_uid(KEY, "b", "n", generation) for generation in range(50)}
    assert len(uids) == 50


def test_given_uids_are_kept() -> None:
    metadata = of(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", PatientID="1")
    who = identity(KEY, metadata, *UPLOAD)
    assert (who.study, who.series) == (UID("1.2.3"), UID("1.2.3.4"))


class TestOrder:
    ORDER = of(PatientID="1", AccessionNumber="A")

    def test_uploads_of_one_order_share_study_and_series(self) -> None:
        one = identity(KEY, self.ORDER, *UPLOAD)
        other = identity(KEY, self.ORDER, *OTHER_UPLOAD)
        assert (one.study, one.series) == (other.study, other.series)
        assert one.sop_instance != other.sop_instance

    @pytest.mark.parametrize(
        "changed",
        [{"PatientID": "2"}, {"AccessionNumber": "B"}, {"IssuerOfPatientID": "X"}],
        ids=lambda changed: next(iter(changed)),
    )
    def test_another_patient_issuer_or_order_is_another_study(
        self, changed: dict[str, str]
    ) -> None:
        metadata = of(**({"PatientID": "1", "AccessionNumber": "A"} | changed))
        assert study_uid(KEY, metadata, *UPLOAD) != study_uid(KEY, self.ORDER, *UPLOAD)
        assert series_uid(KEY, metadata, *UPLOAD) != series_uid(KEY, self.ORDER, *UPLOAD)

    def test_another_modality_or_device_is_another_series_of_the_same_study(self) -> None:
        for more in ({"Modality": "ES"}, {"DeviceSerialNumber": "3"}):
            metadata = of(PatientID="1", AccessionNumber="A", **more)
            assert study_uid(KEY, metadata, *UPLOAD) == study_uid(KEY, self.ORDER, *UPLOAD)
            assert series_uid(KEY, metadata, *UPLOAD) != series_uid(KEY, self.ORDER, *UPLOAD)

    @pytest.mark.parametrize(
        "more",
        [
            {"Laterality": "L"},
            {"BodyPartExamined": "EYE"},
            {"SeriesDescription": "before"},
            {"OperatorsName": "A^B"},
            {"InstitutionName": "Clinic"},
        ],
        ids=lambda more: next(iter(more)),
    )
    def test_what_a_series_has_in_common_makes_another_series(self, more: dict[str, str]) -> None:
        metadata = of(PatientID="1", AccessionNumber="A", **more)
        assert study_uid(KEY, metadata, *UPLOAD) == study_uid(KEY, self.ORDER, *UPLOAD)
        assert series_uid(KEY, metadata, *UPLOAD) != series_uid(KEY, self.ORDER, *UPLOAD)
        assert series_uid(KEY, metadata, *UPLOAD) == series_uid(KEY, metadata, *OTHER_UPLOAD)

    def test_what_is_of_the_image_alone_stays_in_the_series(self) -> None:
        metadata = of(PatientID="1", AccessionNumber="A", ImageComments="x", InstanceNumber="2")
        assert series_uid(KEY, metadata, *UPLOAD) == series_uid(KEY, self.ORDER, *UPLOAD)

    def test_the_series_of_an_order_never_changes_between_releases(self) -> None:
        metadata = of(PatientID="1", AccessionNumber="A", Modality="ES", SeriesNumber="3")
        assert series_uid(KEY, metadata, *UPLOAD) == "2.25.155372750006986163978045725209403188530"

    def test_a_series_is_never_in_two_studies(self) -> None:
        series = {
            series_uid(KEY, of(PatientID="1", AccessionNumber="A", StudyInstanceUID=s), *UPLOAD)
            for s in ("1.2.3", "1.2.4")
        }
        assert len(series) == 2

    @pytest.mark.parametrize("metadata", [of(), of(PatientID="1"), of(AccessionNumber="A")])
    def test_without_both_id_and_order_each_upload_is_a_study(self, metadata: Dataset) -> None:
        one, other = (identity(KEY, metadata, *upload) for upload in (UPLOAD, OTHER_UPLOAD))
        assert one.study != other.study
        assert one.series != other.series

    def test_without_the_key_the_study_cannot_be_recomputed(self) -> None:
        assert study_uid(b"guess", self.ORDER, *UPLOAD) != study_uid(KEY, self.ORDER, *UPLOAD)
