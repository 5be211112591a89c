"""JSON metadata, flat and as the DICOM JSON model."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian

from cinestow.dicom.metadata_json import from_json
from cinestow.dicom.settable import SETTABLE
from cinestow.errors import InputRefused, RefusalCode

SECRET = "Wunderlich"


def parse(model: object) -> Dataset:
    return from_json(json.dumps(model).encode())


def refusal(data: bytes) -> str:
    with pytest.raises(InputRefused) as caught:
        from_json(data)
    assert caught.value.code is RefusalCode.METADATA_INVALID
    assert SECRET not in caught.value.sentence
    return caught.value.sentence


class TestFlat:
    def test_texts_numbers_lists_and_sequences(self) -> None:
        dataset = parse(
            {
                "PatientName": "Doe^Jane",
                "SeriesNumber": 4,
                "PatientWeight": 0.1 + 0.2,
                "OperatorsName": ["A^B", "C^D"],
                "AnatomicRegionSequence": {
                    "CodeValue": "81745001",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Eye",
                    "AnatomicRegionModifierSequence": [
                        {
                            "CodeValue": "7771000",
                            "CodingSchemeDesignator": "SCT",
                            "CodeMeaning": "Left",
                        }
                    ],
                },
            }
        )
        assert dataset.PatientName == "Doe^Jane"
        assert dataset.SeriesNumber == 4
        assert dataset.PatientWeight == pytest.approx(0.3)
        assert list(dataset.OperatorsName) == ["A^B", "C^D"]
        region = dataset.AnatomicRegionSequence[0]
        assert region.AnatomicRegionModifierSequence[0].CodeMeaning == "Left"

    def test_empty_values_say_nothing(self) -> None:
        assert len(parse({"PatientName": "", "PatientID": None, "OperatorsName": []})) == 0

    def test_byte_order_mark_is_no_harm(self) -> None:
        assert from_json(b'\xef\xbb\xbf{"PatientID": "1"}').PatientID == "1"

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("PatientID", SECRET * 7),
            ("PatientID", 12),
            ("PatientID", True),
            ("PatientID", [SECRET, SECRET]),
            ("PatientID", {SECRET: SECRET}),
            ("PatientID", SECRET + "\\" + SECRET),
            ("PatientID", SECRET + "\x00"),
            ("PatientID", SECRET + "\ud800"),
            ("PatientID", f"{SECRET}\N{REPLACEMENT CHARACTER}"),
            ("PatientName", f"{SECRET}=a=b=c"),
            ("PatientName", f"{SECRET}^b^c^d^e^f"),
            ("PatientSex", SECRET),
            ("PatientBirthDate", "20230230"),
            ("PatientBirthDate", "2023-02-03"),
            ("PatientBirthDate", "00010101"),
            ("PatientBirthDate", "20230101-20230102"),
            ("PatientAge", "45"),
            ("PatientWeight", SECRET),
            ("PregnancyStatus", 9),
            ("StudyTime", "25"),
            ("StudyTime", "101060"),
            ("StudyTime", "10:15"),
            ("StudyInstanceUID", "1.02.3"),
            ("StudyInstanceUID", "1." * 33 + "1"),
            ("Modality", "xc"),
            ("SeriesNumber", 2**31),
            ("SeriesNumber", 1.5),
            ("AcquisitionDateTime", "2025"),
            ("AcquisitionDateTime", "20251121101010+2500"),
            ("TimezoneOffsetFromUTC", "+1500"),
            ("TimezoneOffsetFromUTC", "CET"),
            ("PatientOrientation", ["A", "B", "C"]),
            ("AnatomicRegionSequence", SECRET),
            ("AnatomicRegionSequence", [{"CodeValue": "1", "CodeMeaning": SECRET}]),
            ("ProcedureCodeSequence", [{}]),
            ("OtherPatientIDsSequence", [{"PatientID": SECRET}]),
            ("IssuerOfAccessionNumberSequence", [{"UniversalEntityID": SECRET}]),
        ],
    )
    def test_wrong_value_is_refused_by_name(self, keyword: str, value: object) -> None:
        assert f"field {keyword}" in refusal(json.dumps({keyword: value}).encode())

    @pytest.mark.parametrize(
        "keyword",
        [
            *("PatintID", "SOPInstanceUID", "SOPClassUID", "Rows", "PixelData", "NumberOfFrames"),
            *("LossyImageCompression", "FrameTime", "TransferSyntaxUID", "ImageType"),
        ],
    )
    def test_unknown_or_unsettable_is_refused_by_name(self, keyword: str) -> None:
        assert f"field {keyword}" in refusal(json.dumps({keyword: "1"}).encode())

    @pytest.mark.parametrize("keyword", ["TransferSyntaxUID", "CommandField"])
    def test_groups_of_files_and_messages_are_refused_in_items_too(self, keyword: str) -> None:
        items = [{"RequestedProcedureID": "1", keyword: 1 if keyword == "CommandField" else "1.2"}]
        sentence = refusal(json.dumps({"RequestAttributesSequence": items}).encode())
        assert f"field RequestAttributesSequence[1].{keyword}" in sentence

    def test_a_name_that_is_no_keyword_is_not_repeated(self) -> None:
        refusal(json.dumps({f"{SECRET}, Hans": "1"}).encode())
        refusal(json.dumps({f"{SECRET}, Hans": True}).encode())
        refusal(json.dumps({"ProcedureCodeSequence": [{f"{SECRET}, Hans": "1"}]}).encode())

    def test_a_nested_field_is_named_with_its_path(self) -> None:
        items = [{"RequestedProcedureID": "1"}, {"RequestedProcedureID": SECRET * 2}]
        sentence = refusal(json.dumps({"RequestAttributesSequence": items}).encode())
        assert "RequestAttributesSequence[2].RequestedProcedureID" in sentence


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'"x"',
        b"{",
        b'{"PatientID": NaN}',
        b'{"PatientWeight": 1e999}',
        b'{"00101030": {"vr": "DS", "Value": [-1e999]}}',
        b'{"ProcedureCodeSequence": [' * 250 + b"]}" * 250,
        b'{"PatientID": "Wunderlich", "PatientID": "Wunderlich"}',
        b"[" * 100_000,
        b'{"PatientWeight": 1' + b"0" * 5000 + b"}",
        b'{"ProcedureCodeSequence":' * 20 + b"1" + b"}" * 20,
        b" " * (5 << 20),
    ],
    ids=range(14),
)
def test_what_is_no_metadata_is_refused(data: bytes) -> None:
    refusal(data)


def test_character_sets_are_left_out_in_items_too() -> None:
    """What is written later is UTF-8: an item that says otherwise would lose its text."""
    code = {"CodeValue": "1", "CodingSchemeDesignator": "99X", "CodeMeaning": "Колоноскопия 山田"}
    dataset = parse(
        {
            "SpecificCharacterSet": "ISO_IR 100",
            "ProcedureCodeSequence": [code | {"SpecificCharacterSet": "ISO_IR 100"}],
        }
    )
    dataset.SpecificCharacterSet = "ISO_IR 192"
    file = DicomBytesIO()
    dcmwrite(file, dataset, implicit_vr=False, little_endian=True)
    file.seek(0)
    (item,) = dcmread(file, force=True).ProcedureCodeSequence
    assert item.CodeMeaning == "Колоноскопия 山田"


class TestDicomJson:
    def test_the_models_own_writer_is_understood(self) -> None:
        given = parse(
            {
                "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
                "SeriesNumber": 3,
                "PatientWeight": 70.5,
                "PregnancyStatus": 1,
                "ProcedureCodeSequence": [
                    {"CodeValue": "1", "CodingSchemeDesignator": "99X", "CodeMeaning": "x"}
                ],
            }
        )
        given.SpecificCharacterSet = "ISO_IR 192"
        read = from_json(given.to_json().encode())
        del given.SpecificCharacterSet
        assert read == given
        assert from_json(f"[{read.to_json()}]".encode()) == given

    @pytest.mark.parametrize(
        ("model", "named"),
        [
            ({"00100020": {"vr": "SH", "Value": ["Wunderlich"]}}, "PatientID"),
            ({"00100020": {"vr": "LO", "Value": "Wunderlich"}}, "PatientID"),
            ({"00100020": {"vr": "LO", "BulkDataURI": "http://x"}}, "PatientID"),
            ({"00100020": "Wunderlich"}, "PatientID"),
            ({"00100010": {"vr": "PN", "Value": [{"Surname": "Wunderlich"}]}}, "PatientName"),
            ({"00100010": {"vr": "PN", "Value": [{"Alphabetic": 3}]}}, "PatientName"),
            ({"00091001": {"vr": "LO", "Value": ["Wunderlich"]}}, "00091001"),
            ({"00080018": {"vr": "UI", "Value": ["1.2"]}}, "SOPInstanceUID"),
            ({"00100020": {"vr": "LO"}, "PatientName": "Wunderlich"}, "PatientName"),
            ({"00100020": {"vr": "LO", "Value": [None]}}, "PatientID"),
        ],
    )
    def test_wrong_model_is_refused_by_name(self, model: object, named: str) -> None:
        assert f"field {named}" in refusal(json.dumps(model).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted(SETTABLE)) | st.text(max_size=8), inner, max_size=3
        )
    ),
    max_leaves=8,
)
LIKELY = st.dictionaries(
    st.sampled_from(sorted(SETTABLE)),
    st.text(max_size=12)
    | st.integers(-5, 70000)
    | st.sampled_from(["20250101", "101010.5", "+0100", "1.2.3", "YES", "045Y", "A^B=C"])
    | st.lists(st.text(max_size=5), max_size=3),
    max_size=2,
)


@given(JSON | LIKELY)
def test_anything_is_either_refused_or_written_and_read_unchanged(model: object) -> None:
    try:
        dataset = parse(model)
    except InputRefused:
        return
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = DicomBytesIO()
    dcmwrite(file, dataset)
    file.seek(0)
    read = dcmread(file, force=True)
    assert read.to_json() == dataset.to_json()
