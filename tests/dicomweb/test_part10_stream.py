import contextlib
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cinestow.dicomweb import elements
from cinestow.dicomweb.part10_stream import RetrievedInstance
from cinestow.errors import CinestowError, InputRefused, RefusalCode, StoreUnavailable
from support.instances import DELIMITER, ITEM, Sample, encoded, sample

UNDEFINED = b"\xff\xff\xff\xff"
END_OF_ITEM = b"\xfe\xff\x0d\xe0" + bytes(4)
FRAGMENTS = [b"\x00\x01" * 700, b"", b"moov", bytes(range(256))]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def region(meaning: str) -> Dataset:
    item = Dataset()
    item.CodeMeaning = meaning
    return item


def undefined(dataset: Dataset) -> Dataset:
    """With every sequence and item of undefined length, as most stores write them."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                undefined(item)
    return dataset


def nested(depth: int) -> Sequence:
    item = region("deep")
    if depth:
        item.ConceptCodeSequence = nested(depth - 1)
    return Sequence([item])


def before_pixels(inserted: bytes) -> bytes:
    """An instance with encoded elements put in front of its PixelData."""
    what = sample()
    header, pixel_data = what.header[:-12], what.header[-12:]
    return header + inserted + pixel_data + ITEM + bytes(4) + DELIMITER


class TestFragments:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 11, 100, 1000, 100_000])
    def test_come_out_as_they_went_in(self, size: int) -> None:
        data = sample().part10(FRAGMENTS, offset_table=bytes(16))
        instance = RetrievedInstance(cut(data, size))
        assert [b"".join(fragment) for fragment in instance.fragments()] == FRAGMENTS

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=40).map(lambda b: b + b), max_size=5), st.integers(1, 60))
    def test_any_fragments_in_any_chunks(self, fragments: list[bytes], size: int) -> None:
        data = SAMPLE.part10(fragments)
        assert b"".join(RetrievedInstance(cut(data, size)).bit_stream()) == b"".join(fragments)

    def test_unread_ones_are_skipped(self) -> None:
        fragments = RetrievedInstance([sample().part10(FRAGMENTS)]).fragments()
        next(fragments)
        next(fragments)
        assert b"".join(next(fragments)) == b"moov"

    def test_pieces_are_at_most_a_mebibyte(self) -> None:
        data = sample().part10([bytes(3_000_000)])
        lengths = [len(piece) for piece in RetrievedInstance([data]).bit_stream()]
        assert sum(lengths) == 3_000_000
        assert max(lengths) == 1 << 20

    def test_no_fragment_at_all(self) -> None:
        assert list(RetrievedInstance([sample().part10([])]).fragments()) == []

    def test_something_else_where_a_fragment_begins(self) -> None:
        what = sample()
        data = what.header + ITEM + bytes(4) + END_OF_ITEM
        with pytest.raises(StoreUnavailable, match=r"FFFE,E00D"):
            list(RetrievedInstance([data]).bit_stream())

    def test_fragment_of_undefined_length(self) -> None:
        data = sample().header + ITEM + bytes(4) + ITEM + UNDEFINED
        with pytest.raises(StoreUnavailable, match="where a fragment begins"):
            list(RetrievedInstance([data]).bit_stream())

    def test_pixel_data_twice(self) -> None:
        what = sample()
        data = what.part10([b"ab"]) + what.header[-12:] + DELIMITER
        with pytest.raises(StoreUnavailable, match="twice"):
            list(RetrievedInstance([data]).bit_stream())


class TestDataset:
    def test_holds_everything_before_the_pixels(self) -> None:
        what = sample(AnatomicRegionSequence=Sequence([region("Bronchus")]))
        instance = RetrievedInstance([what.part10(FRAGMENTS)])
        assert instance.dataset.SOPInstanceUID == what.instance
        assert instance.dataset.AnatomicRegionSequence[0].CodeMeaning == "Bronchus"
        assert "PixelData" not in instance.dataset
        assert instance.file_meta.TransferSyntaxUID.keyword == "MPEG4HP41"
        assert instance.file_meta.MediaStorageSOPInstanceUID == what.instance

    @pytest.mark.parametrize("size", [1, 5, 64, 100_000])
    def test_sequences_of_undefined_length(self, size: int) -> None:
        made = sample(AnatomicRegionSequence=nested(5))
        dataset = RetrievedInstance([made.part10([])]).dataset
        data = encoded(undefined(dataset))
        read = RetrievedInstance(cut(data + made.header[-12:] + ITEM + bytes(4), size)).dataset
        assert read == dataset
        assert data.count(UNDEFINED) >= 12

    def test_unknown_vr_of_undefined_length_is_implicit_inside(self) -> None:
        implicit = struct.pack("<HHI", 0x0008, 0x0104, 4) + b"Lung"
        private = b"\x09\x00\x10\x10UN\x00\x00" + UNDEFINED + ITEM + UNDEFINED + implicit
        data = before_pixels(private + END_OF_ITEM + DELIMITER)
        instance = RetrievedInstance([data])
        assert instance.dataset[0x00091010].value[0].CodeMeaning == "Lung"

    def test_pixel_data_inside_an_icon_is_not_the_pixel_data(self) -> None:
        icon_pixels = b"\xe0\x7f\x10\x00OB\x00\x00" + UNDEFINED + ITEM + bytes(4) + DELIMITER
        icon = b"\x88\x00\x00\x02SQ\x00\x00" + UNDEFINED + ITEM + UNDEFINED + icon_pixels
        instance = RetrievedInstance([before_pixels(icon + END_OF_ITEM + DELIMITER)])
        assert len(instance.dataset.IconImageSequence) == 1
        assert list(instance.bit_stream()) == []

    def test_text_in_another_character_set(self) -> None:
        trailer = Dataset()
        trailer.add_new(0x7FE10010, "LO", "MÜLLER")
        trailer.add_new(0x7FE11001, "LO", "Jürgen")
        trailer.SpecificCharacterSet = "ISO_IR 192"
        what = sample(trailer, SpecificCharacterSet="ISO_IR 192", StationName="Süd")
        data = what.part10([b"ab"])
        instance = RetrievedInstance([data])
        list(instance.bit_stream())
        assert instance.dataset.StationName == "Süd"
        assert instance.after_pixel_data[0x7FE11001].value == "Jürgen"


class TestAfterPixelData:
    def test_there_once_the_fragments_were_read(self) -> None:
        trailer = Dataset()
        trailer.add_new(0xFFFCFFFC, "OB", bytes(20))
        instance = RetrievedInstance(cut(sample(trailer).part10(FRAGMENTS), 9))
        with pytest.raises(AssertionError, match="to their end first"):
            _ = instance.after_pixel_data
        list(instance.bit_stream())
        assert instance.after_pixel_data.DataSetTrailingPadding == bytes(20)

    def test_empty_where_there_is_nothing(self) -> None:
        instance = RetrievedInstance([sample().part10(FRAGMENTS)])
        list(instance.bit_stream())
        assert len(instance.after_pixel_data) == 0


class TestRefused:
    @pytest.mark.parametrize(
        "syntax",
        [
            ExplicitVRLittleEndian,
            ImplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        ],
    )
    def test_syntax_that_is_not_encapsulated(self, syntax: UID) -> None:
        data = re_encoded(sample(), syntax)
        with pytest.raises(InputRefused, match="encapsulated") as refused:
            RetrievedInstance([data])
        assert refused.value.code is RefusalCode.UNSUPPORTED

    def test_pixel_data_of_stated_length(self) -> None:
        data = sample().header[:-4] + struct.pack("<I", 4) + b"abcd"
        with pytest.raises(InputRefused, match="stated length"):
            RetrievedInstance([data])

    def test_attributes_beyond_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(elements, "MAX_BYTES", 10_000)
        element = b"\x09\x00\x10\x10OB\x00\x00" + struct.pack("<I", 10_000)
        with pytest.raises(InputRefused, match="attributes") as refused:
            RetrievedInstance([before_pixels(element + bytes(10_000))])
        assert refused.value.code is RefusalCode.OVER_LIMIT

    def test_a_stated_length_beyond_the_limit_is_not_read(self) -> None:
        def chunks() -> Iterator[bytes]:
            yield sample().header[:-12]
            yield b"\x09\x00\x10\x10OB\x00\x00" + struct.pack("<I", 0xFFFFFFFE)
            pytest.fail("more was read")

        with pytest.raises(InputRefused, match="64 MiB"):
            RetrievedInstance(chunks())

    def test_sequences_too_deep(self) -> None:
        opened = (b"\x08\x00\x40\x11SQ\x00\x00" + UNDEFINED + ITEM + UNDEFINED) * 10_000
        with pytest.raises(InputRefused, match="nested"):
            RetrievedInstance([before_pixels(opened)])


class TestGarbage:
    @pytest.mark.parametrize("data", [b"<html>not here</html>" * 20, bytes(1000), b""])
    def test_no_instance(self, data: bytes) -> None:
        with pytest.raises(StoreUnavailable):
            RetrievedInstance([data])

    def test_every_cut_is_noticed(self) -> None:
        what = sample()
        data = what.part10([b"abcd", b"ef"])
        for length in range(len(data)):
            with pytest.raises(StoreUnavailable):
                list(RetrievedInstance([data[:length]]).bit_stream())

    @pytest.mark.filterwarnings("ignore::UserWarning")
    @settings(deadline=None, max_examples=300)
    @given(st.data())
    def test_damaged_bytes_end_in_our_own_errors(self, data: st.DataObject) -> None:
        whole = bytearray(SAMPLE.part10([b"abcd", b"ef"]))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(128, len(whole) - 1))
            whole[at] = data.draw(st.integers(0, 255))
        with contextlib.suppress(CinestowError):
            instance = RetrievedInstance([bytes(whole)])
            list(instance.bit_stream())
            list(instance.dataset.iterall())

    def test_a_value_that_its_vr_cannot_hold(self) -> None:
        rows = b"\x28\x00\x10\x00US\x02\x00"
        data = SAMPLE.part10([])
        damaged = data.replace(rows + b"\xf0\x00", rows[:6] + b"\x01\x00" + b"\xf0")
        assert damaged != data
        with pytest.raises(StoreUnavailable, match="attributes cannot be read"):
            RetrievedInstance([damaged])


SAMPLE = sample(AnatomicRegionSequence=nested(2), SpecificCharacterSet="ISO_IR 100")


def re_encoded(what: Sample, syntax: UID) -> bytes:
    """The attributes of ``what`` in another transfer syntax, without pixel data."""
    dataset = RetrievedInstance([what.part10([])]).dataset
    native = Dataset(dataset)
    native.file_meta = dataset.file_meta
    native.file_meta.TransferSyntaxUID = syntax
    return encoded(native)
