from cinestow.media.nal import is_parameter_set, length_prefixed, nal_type, split_annex_b, unescaped


class TestSplitAnnexB:
    def test_takes_both_lengths_of_start_code(self) -> None:
        stream = b"\0\0\0\1\x67abc" + b"\0\0\1\x68de" + b"\0\0\0\1\x65f"
        assert split_annex_b(stream) == [b"\x67abc", b"\x68de", b"\x65f"]

    def test_leaves_trailing_zeros_out(self) -> None:
        assert split_annex_b(b"\0\0\1\x09\xf0\0\0\0\0\1\x65f\0\0") == [b"\x09\xf0", b"\x65f"]

    def test_finds_nothing_in_nothing(self) -> None:
        assert split_annex_b(b"") == []

    def test_keeps_emulation_prevention(self) -> None:
        assert split_annex_b(b"\0\0\1\x65\0\0\3\1") == [b"\x65\0\0\3\1"]


class TestLengthPrefixed:
    def test_puts_big_endian_lengths_before_units(self) -> None:
        assert length_prefixed([b"abc", b"d" * 300]) == b"\0\0\0\3abc\0\0\1\x2c" + b"d" * 300


class TestUnits:
    def test_parameter_sets_are_told_by_type(self) -> None:
        assert is_parameter_set(b"\x67")
        assert is_parameter_set(b"\x28")
        assert not is_parameter_set(b"\x65")
        assert nal_type(b"\x65") == 5

    def test_unescaped_removes_emulation_prevention_bytes(self) -> None:
        assert unescaped(b"\x67\0\0\3\1\0\0\3\0\0\3") == b"\x67\0\0\1\0\0\0\0"
