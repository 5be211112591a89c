"""The bytes around a bit stream, against pydicom's own reading and writing."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate_buffer, generate_fragments
from pydicom.uid import MPEG4HP41, VideoPhotographicImageStorage

from cinestow.dicom.part10 import IMPLEMENTATION_CLASS, LONGEST_FRAGMENT, layout
from cinestow.errors import InputRefused, RefusalCode


def dataset() -> Dataset:
    made = Dataset()
    made.SOPClassUID = VideoPhotographicImageStorage
    made.SOPInstanceUID = "2.25.1"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName = "山田^太郎"
    made.NumberOfFrames = 1
    return made


def whole(bit_stream: bytes) -> bytes:
    frame = layout(dataset(), MPEG4HP41, len(bit_stream))
    return frame.header + bit_stream + frame.trailer


@given(st.binary(min_size=1, max_size=300))
def test_pydicom_finds_the_bit_stream_in_one_fragment(bit_stream: bytes) -> None:
    read = dcmread(BytesIO(whole(bit_stream)))
    assert read["PixelData"].VR == "OB"
    assert read["PixelData"].is_undefined_length
    padded = bit_stream + b"\0" * (len(bit_stream) % 2)
    assert list(generate_fragments(read.PixelData)) == [b"", padded]
    del read.PixelData
    assert read == dataset()


@pytest.mark.parametrize("length", [1, 2, 1001, 65536])
def test_pydicoms_writer_makes_the_same_bytes(length: int) -> None:
    bit_stream = bytes(i % 251 for i in range(length))
    ours = whole(bit_stream)
    theirs = dataset()
    theirs.file_meta = dcmread(BytesIO(ours)).file_meta
    theirs.PixelData = encapsulate_buffer([BytesIO(bit_stream)], has_bot=False)
    theirs["PixelData"].VR = "OB"
    buffer = BytesIO()
    dcmwrite(buffer, theirs, enforce_file_format=True)
    assert ours == buffer.getvalue()


def test_group_2_says_whose_it_is() -> None:
    meta = dcmread(BytesIO(whole(b"xy"))).file_meta
    assert meta.TransferSyntaxUID == MPEG4HP41
    assert meta.MediaStorageSOPInstanceUID == "2.25.1"
    assert meta.MediaStorageSOPClassUID == VideoPhotographicImageStorage
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS
    assert IMPLEMENTATION_CLASS.is_valid
    assert meta.ImplementationVersionName.startswith("CINESTOW_")


def test_the_dataset_is_not_changed() -> None:
    mine = dataset()
    layout(mine, MPEG4HP41, 10)
    assert mine == dataset()
    assert not hasattr(mine, "file_meta")


class TestLongest:
    def test_up_to_the_longest_fragment(self) -> None:
        for length in (LONGEST_FRAGMENT, LONGEST_FRAGMENT - 1):
            frame = layout(dataset(), MPEG4HP41, length)
            assert struct.unpack("<I", frame.header[-4:])[0] == LONGEST_FRAGMENT
            assert len(frame.trailer) == 8 + length % 2

    @pytest.mark.parametrize("length", [LONGEST_FRAGMENT + 1, 5 << 30])
    def test_longer_is_refused_and_says_what_it_would_take(self, length: int) -> None:
        with pytest.raises(InputRefused, match="fragmentable transfer syntax") as refusal:
            layout(dataset(), MPEG4HP41, length)
        assert refusal.value.code is RefusalCode.NOT_STORABLE
        assert str(length) in refusal.value.sentence
