"""Metadata out of a DICOM file's header."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cinestow.dicom.metadata_header import from_dicom
from cinestow.errors import InputRefused, RefusalCode


def header(**given: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.Modality = "ES"
    for keyword, value in given.items():
        setattr(dataset, keyword, value)
    return dataset


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_takes_who_study_series_and_device_but_not_the_instance(syntax: str) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99X", "x"
    dataset = header(
        PatientID="1",
        PatientWeight="70.5",
        PregnancyStatus=4,
        StudyInstanceUID="1.2.3",
        SeriesInstanceUID="1.2.3.5",
        SeriesNumber=3,
        OperatorsName=["A^B", "C^D"],
        ProcedureCodeSequence=[code],
        ManufacturerModelName="Scope",
        InstanceNumber=9,
        Rows=512,
        AcquisitionDate="20200101",
        ImageComments="of the other image",
        BurnedInAnnotation="YES",
        PixelData=b"\0" * 512,
    )
    dataset["PixelData"].VR = "OW"
    taken = from_dicom(written(dataset, syntax))
    assert [element.keyword for element in taken] == [
        *("Modality", "ProcedureCodeSequence", "OperatorsName", "ManufacturerModelName"),
        *("PatientID", "PatientWeight", "PregnancyStatus"),
        *("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber"),
    ]
    assert list(taken.OperatorsName) == ["A^B", "C^D"]
    assert taken.ProcedureCodeSequence[0].CodeValue == "1"
    assert (taken.PatientWeight, taken.PregnancyStatus, taken.SeriesNumber) == (70.5, 4, 3)


def test_series_and_device_of_another_modality_are_left_out() -> None:
    dataset = header(PatientID="1", StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.5")
    dataset.Modality = "CT"
    dataset.Manufacturer = "Scanners Inc."
    taken = from_dicom(written(dataset))
    assert [element.keyword for element in taken] == ["PatientID", "StudyInstanceUID"]


def test_a_file_cut_off_behind_its_header_is_enough() -> None:
    dataset = header(PatientID="1", PixelData=b"\0" * 100_000)
    dataset["PixelData"].VR = "OW"
    assert from_dicom(written(dataset)[:2000]).PatientID == "1"


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 127", "قباني^لنزار"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "Müller^Jörg"),
    ],
)
def test_names_survive_from_any_character_set(character_set: object, name: str) -> None:
    dataset = header(SpecificCharacterSet=character_set, PatientName=name)
    assert from_dicom(written(dataset)).PatientName == name


def test_text_of_an_item_in_a_character_set_of_its_own_survives() -> None:
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 144"
    item.CodeValue, item.CodingSchemeDesignator = "1", "99X"
    item.CodeMeaning = "Колоноскопия"
    dataset = header(SpecificCharacterSet="ISO_IR 100", PatientName="Müller", PatientID="1")
    dataset.ProcedureCodeSequence = [item]
    taken = from_dicom(written(dataset))
    assert taken.PatientName == "Müller"
    (code,) = taken.ProcedureCodeSequence
    assert code.CodeMeaning == "Колоноскопия"
    assert "SpecificCharacterSet" not in code


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
class TestRefusals:
    def refusal(self, data: bytes) -> str:
        with pytest.raises(InputRefused) as caught:
            from_dicom(data)
        assert caught.value.code is RefusalCode.METADATA_INVALID
        assert "Secret" not in str(caught.value)
        return caught.value.sentence

    def test_text_that_is_not_in_the_character_set_it_names(self) -> None:
        data = written(header(SpecificCharacterSet="ISO_IR 192", PatientName="Secret^\u00fc"))
        assert "PatientName" in self.refusal(data.replace("\u00fc".encode(), b"\xff\xfe"))

    def test_text_without_a_character_set(self) -> None:
        data = written(header(SpecificCharacterSet="ISO_IR 100", PatientName="Secret^\u00fc"))
        without = data.replace(b"\x08\x00\x05\x00CS", b"\x08\x00\x06\x00CS")
        assert "SpecificCharacterSet" in self.refusal(without)

    def test_unknown_character_set(self) -> None:
        data = written(header(SpecificCharacterSet="ISO_IR 100", PatientName="Secret"))
        assert "SpecificCharacterSet" in self.refusal(data.replace(b"ISO_IR 100", b"ISO_IR 999"))

    def test_wrong_value(self) -> None:
        assert "PatientBirthDate" in self.refusal(written(header(PatientBirthDate="Secret")))

    def test_deflated_header(self) -> None:
        dataset = header(PatientID="Secret")
        assert "deflated" in self.refusal(written(dataset, DeflatedExplicitVRLittleEndian))

    @pytest.mark.parametrize("data", [b"", b"Secret" * 100, b"\0" * 128 + b"DICM" + b"\xff" * 50])
    def test_no_dicom(self, data: bytes) -> None:
        assert "DICOM" in self.refusal(data)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@given(position=st.integers(0, 10_000), junk=st.binary(min_size=1, max_size=8))
def test_a_damaged_header_is_refused_or_read(position: int, junk: bytes) -> None:
    data = written(header(PatientID="1", PatientName="A^B", OperatorsName=["C", "D"]))
    position %= len(data)
    damaged = data[:position] + junk + data[position + len(junk) :]
    with suppress(InputRefused):
        from_dicom(damaged)
