"""Instances written whole, and judged by dciodvfy and by pydicom."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    HEVCMP51,
    MPEG4HP41,
    MPEG4HP41F,
    MPEG4HP422D,
    UID,
    UltrasoundMultiFrameImageStorage,
    VideoEndoscopicImageStorage,
    VideoMicroscopicImageStorage,
    VideoPhotographicImageStorage,
)

from cinestow.dicom.anatomy import SITES
from cinestow.dicom.instance import build
from cinestow.dicom.metadata import from_object_metadata
from cinestow.dicom.metadata_json import from_json
from cinestow.dicom.part10 import layout
from cinestow.dicom.uids import identity
from cinestow.dicom.validate import file_problems, problems
from cinestow.errors import InputRefused, RefusalCode
from support.dicom3tools import dciodvfy_errors, dciodvfy_warnings

RECORDED_AT = datetime(2025, 11, 21, 17, 22, 5, 250000, tzinfo=UTC)
SOP_CLASSES = {
    "XC": VideoPhotographicImageStorage,
    "ES": VideoEndoscopicImageStorage,
    "US": UltrasoundMultiFrameImageStorage,
}
FULL = {
    "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "PatientID": "A-0815",
    "IssuerOfPatientID": "CLINIC",
    "IssuerOfPatientIDQualifiersSequence": [
        {"UniversalEntityID": "1.2.3.4", "UniversalEntityIDType": "ISO"}
    ],
    "OtherPatientIDsSequence": [{"PatientID": "77", "TypeOfPatientID": "TEXT"}],
    "PatientBirthDate": "19491231",
    "PatientSex": "O",
    "PatientAge": "075Y",
    "PatientWeight": 71.5,
    "MedicalAlerts": ["Latex", "Nickel"],
    "PregnancyStatus": 4,
    "StudyDate": "20251121",
    "StudyTime": "181500",
    "StudyID": "7",
    "StudyDescription": "Untersuchung für Jürgen",
    "AccessionNumber": "ACC1",
    "IssuerOfAccessionNumberSequence": [{"LocalNamespaceEntityID": "RIS"}],
    "ReferringPhysicianName": "Пирогов^Николай",
    "ProcedureCodeSequence": [
        {"CodeValue": "73761001", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Colonoscopy"}
    ],
    "SeriesNumber": 3,
    "SeriesDescription": "ابن سينا",
    "OperatorsName": ["Doe^Jane", "Roe^Richard"],
    "RequestAttributesSequence": [
        {"RequestedProcedureID": "RP1", "ScheduledProcedureStepID": "S1"}
    ],
    "BodyPartExamined": "COLON",
    "Manufacturer": "ACME",
    "ManufacturerModelName": "Scope 3",
    "DeviceSerialNumber": "12345",
    "SoftwareVersions": ["1.0", "2.1"],
    "InstitutionName": "Clinique de l'Étang",
    "InstanceNumber": 12,
    "AcquisitionDateTime": "20251121183000.5",
    "TimezoneOffsetFromUTC": "+0100",
    "BurnedInAnnotation": "NO",
    "ImageComments": "First line\nsecond line",
}


def make(metadata: Dataset, data: Any, folder: Path, syntax: UID = MPEG4HP41) -> Path:
    stream = data.stream(syntax)
    who = identity(b"k" * 32, metadata, "uploads", "recording.webm", 1)
    frame = layout(build(metadata, stream, who, RECORDED_AT), syntax, stream.bytes)
    path = folder / "instance.dcm"
    path.write_bytes(frame.header + data.data + frame.trailer)
    return path


@pytest.mark.parametrize("modality", SOP_CLASSES)
@pytest.mark.parametrize("sound_channels", [0, 1, 2])
@pytest.mark.parametrize("given", [{}, FULL], ids=["minimal", "full"])
class TestWholeInstance:
    def test_is_accepted_and_read_back(
        self,
        modality: str,
        sound_channels: int,
        given: dict[str, Any],
        payload: Callable[[int], Any],
        tmp_path: Path,
    ) -> None:
        metadata = from_json(json.dumps(given | {"Modality": modality}).encode())
        data = payload(sound_channels)
        path = make(metadata, data, tmp_path)
        assert dciodvfy_errors(path) == []
        assert file_problems(path) == []
        read = dcmread(path)
        assert read.SOPClassUID == SOP_CLASSES[modality]
        assert (
            next(generate_frames(read.PixelData, number_of_frames=1))[: len(data.data)] == data.data
        )
        for keyword in given:
            assert read[keyword].value == metadata[keyword].value

    def test_has_no_unexplained_warning(
        self,
        modality: str,
        sound_channels: int,
        given: dict[str, Any],
        payload: Callable[[int], Any],
        tmp_path: Path,
    ) -> None:
        metadata = from_json(json.dumps(given | {"Modality": modality}).encode())
        explained = (
            "Missing attribute or value that would be needed to build DICOMDIR",  # type 2, unknown
            "is only permitted to be empty when actually unknown",  # Laterality of unknown anatomy
            "Unrecognized defined term <VP9>",  # Defined Terms may be extended
            "Unrecognized defined term <YBR_PARTIAL_420>",  # asked for by PS3.5 8.2.7
            "(0x0018,0x9073)",  # Acquisition Duration: newer than this dciodvfy
            "this is a Standard Extended SOP Class",  # says the line above again
            "Unrecognized or unsupported tag",
        )
        warnings = dciodvfy_warnings(make(metadata, payload(sound_channels), tmp_path))
        assert [w for w in warnings if not any(reason in w for reason in explained)] == []


@pytest.mark.parametrize("syntax", [MPEG4HP422D, MPEG4HP41F, HEVCMP51], ids=lambda uid: uid.keyword)
def test_dciodvfy_judges_syntaxes_it_does_not_know(
    syntax: UID, payload: Callable[[int], Any], tmp_path: Path
) -> None:
    path = make(Dataset(), payload(2), tmp_path, syntax)
    assert dciodvfy_errors(path) == []
    assert dcmread(path).file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("site", SITES)
def test_every_site_is_accepted_without_a_side(
    site: str, payload: Callable[[int], Any], tmp_path: Path
) -> None:
    metadata = from_object_metadata({"bodypartexamined": site})
    assert dciodvfy_errors(make(metadata, payload(0), tmp_path)) == []


def test_dciodvfy_finds_what_is_wrong(payload: Callable[[int], Any], tmp_path: Path) -> None:
    path = make(Dataset(), payload(0), tmp_path)
    broken = dcmread(path)
    del broken.NumberOfFrames
    broken.save_as(path)
    assert any("NumberOfFrames" in line for line in dciodvfy_errors(path))


class TestBuild:
    @pytest.fixture
    def built(self, payload: Callable[[int], Any]) -> Callable[..., Dataset]:
        def with_metadata(channels: int = 0, **given: object) -> Dataset:
            metadata = from_json(json.dumps(given).encode())
            who = identity(b"k" * 32, metadata, "b", "n", 1)
            return build(metadata, payload(channels).stream(), who, RECORDED_AT)

        return with_metadata

    def test_is_repeatable_and_leaves_metadata_alone(self, payload: Callable[[int], Any]) -> None:
        metadata = from_object_metadata({"patientid": "1", "bodypartexamined": "EYE"})
        before = metadata.to_json()
        who = identity(b"k" * 32, metadata, "b", "n", 1)
        first, second = (build(metadata, payload(2).stream(), who, RECORDED_AT) for _ in range(2))
        assert first == second
        assert metadata.to_json() == before

    def test_sound_is_described_only_where_there_is_some(
        self, built: Callable[..., Dataset]
    ) -> None:
        assert "MultiplexedAudioChannelsDescriptionCodeSequence" not in built(0)
        modes = [built(n).MultiplexedAudioChannelsDescriptionCodeSequence[0] for n in (1, 2)]
        assert [item.ChannelMode for item in modes] == ["MONO", "STEREO"]

    def test_times_of_frames(self, built: Callable[..., Dataset]) -> None:
        dataset = built()
        assert dataset.FrameTime == pytest.approx(1001 / 30)
        assert len(str(dataset.FrameTime)) <= 16
        assert dataset.FrameIncrementPointer == 0x00181063
        assert (dataset.CineRate, dataset.RecommendedDisplayFrameRate) == (30, 30)
        assert float(dataset.EffectiveDuration) == pytest.approx(12 * 1.001 / 30)

    @pytest.mark.parametrize(
        "rate",
        [Fraction(r, 1001) for r in (24000, 30000, 60000)]
        + [Fraction(rate) for rate in (1, 7, 15, 24, 25, 30, 50, 60)],
    )
    def test_the_last_frame_of_six_hours_is_still_in_its_place(
        self, rate: Fraction, payload: Callable[[int], Any]
    ) -> None:
        frames = int(6 * 3600 * rate)
        stream = replace(payload(0).stream(), frames=frames, frame_time_ms=1000 / rate)
        who = identity(b"k" * 32, Dataset(), "b", "n", 1)
        dataset = build(Dataset(), stream, who, RECORDED_AT)
        stated = Fraction(str(dataset["FrameTime"].value.original_string))
        assert abs(frames * stated - frames * 1000 / rate) < Fraction(1, 1000)
        assert len(dataset["FrameTime"].value.original_string) <= 16
        assert problems(dataset, MPEG4HP41) == []

    def test_history_of_compression_keeps_each_step(self, built: Callable[..., Dataset]) -> None:
        dataset = built()
        assert dataset.LossyImageCompression == "01"
        assert dataset.LossyImageCompressionRatio == [20.34, 41.5]
        assert dataset.LossyImageCompressionMethod == ["VP9", "ISO_14496_10"]
        assert dataset.DerivationDescription == "Lossy compression: VP9, then ISO_14496_10"
        assert dataset.ImageType == ["ORIGINAL", "PRIMARY"]

    def test_equipment_is_ours_when_no_device_is_known(self, built: Callable[..., Dataset]) -> None:
        assert built().Manufacturer == "Cinestow"
        assert built(StationName="OR 1").Manufacturer == "Cinestow"

    def test_equipment_is_the_devices_when_known(self, built: Callable[..., Dataset]) -> None:
        dataset = built(ManufacturerModelName="Scope 3")
        assert dataset.ManufacturerModelName == "Scope 3"
        assert dataset.Manufacturer is None or dataset.Manufacturer == ""
        assert "SoftwareVersions" not in dataset
        assert dataset.ContributingEquipmentSequence[0].Manufacturer == "Cinestow"

    def test_burned_in_annotation_only_when_told(self, built: Callable[..., Dataset]) -> None:
        assert "BurnedInAnnotation" not in built()
        assert built(BurnedInAnnotation="YES").BurnedInAnnotation == "YES"

    def test_modality_decides_sop_class(self, built: Callable[..., Dataset]) -> None:
        assert built().SOPClassUID == VideoPhotographicImageStorage
        assert built().Modality == "XC"
        assert built(Modality="ES").SOPClassUID == VideoEndoscopicImageStorage

    def test_modality_without_iod_is_refused(self, built: Callable[..., Dataset]) -> None:
        with pytest.raises(
            InputRefused, match="Modality is not usable: expected one of ES, US, XC"
        ):
            built(Modality="CT")

    @pytest.mark.parametrize(
        ("modality", "sop_class", "code"),
        [
            ("US", VideoEndoscopicImageStorage, RefusalCode.METADATA_INVALID),
            (None, VideoMicroscopicImageStorage, RefusalCode.NOT_STORABLE),
        ],
    )
    def test_sop_class_asked_for_must_fit(
        self,
        modality: str | None,
        sop_class: UID,
        code: RefusalCode,
        payload: Callable[[int], Any],
    ) -> None:
        metadata = from_object_metadata({"modality": modality} if modality else {})
        who = identity(b"k" * 32, metadata, "b", "n", 1)
        with pytest.raises(InputRefused) as refusal:
            build(metadata, payload(0).stream(), who, RECORDED_AT, sop_class)
        assert refusal.value.code is code

    def test_sop_class_asked_for_sets_modality(self, payload: Callable[[int], Any]) -> None:
        who = identity(b"k" * 32, Dataset(), "b", "n", 1)
        wanted = UltrasoundMultiFrameImageStorage
        dataset = build(Dataset(), payload(0).stream(), who, RECORDED_AT, wanted)
        assert (dataset.SOPClassUID, dataset.Modality) == (wanted, "US")
