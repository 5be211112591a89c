"""What an H.264 sequence parameter set says (ITU-T H.264 7.3.2.1.1 and Annex E)."""

from dataclasses import dataclass

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.nal import unescaped

_PROFILES_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_EXTENDED_SAMPLE_ASPECT = 255
_LIST_SIZES_4X4 = 6


@dataclass(frozen=True)
class VideoUsability:
    """The VUI: None where the stream is silent."""

    sample_aspect: int | None
    """``aspect_ratio_idc``: 1 is square."""
    full_range: bool | None
    colour: tuple[int, int, int] | None
    """Primaries, transfer, matrix (ITU-T H.273)."""
    tick: tuple[int, int] | None
    """``num_units_in_tick`` and ``time_scale``; two ticks are one frame."""
    fixed_frame_rate: bool
    nal_hrd: bool
    reorder_frames: int | None


@dataclass(frozen=True)
class SequenceParameters:
    """The fields of an SPS that decide conformance."""

    profile_idc: int
    constraint_flags: int
    level_idc: int
    chroma_format_idc: int
    bit_depth: int
    """The larger of luma's and chroma's."""
    reference_frames: int
    frame_mbs_only: bool
    macroblocks: int
    """In one frame, cropping not applied."""
    width: int
    """After cropping."""
    height: int
    vui: VideoUsability | None


class _Bits:
    """Reads a bit string from the front (ITU-T H.264 7.2 and 9.1)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def u(self, width: int) -> int:
        """``width`` bits, unsigned."""
        self._left -= width
        if self._left < 0:
            raise InputRefused(
                RefusalCode.UNREADABLE,
                "The H.264 sequence parameter set ends too early; record the video again.",
            )
        return self._value >> self._left & (1 << width) - 1

    def flag(self) -> bool:
        """One bit."""
        return bool(self.u(1))

    def ue(self) -> int:
        """Exp-Golomb, unsigned."""
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Exp-Golomb, signed."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def parse_sps(unit: bytes) -> SequenceParameters:
    """Read a sequence parameter set NAL unit (without start code, emulation bytes in place).

    Raises ``InputRefused`` when it ends before its syntax does.
    """
    bits = _Bits(unescaped(unit)[1:])
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()  # seq_parameter_set_id
    chroma, depth = _chroma_and_depth(bits) if profile in _PROFILES_WITH_CHROMA else (1, 8)
    _skip_order_counts(bits)
    references = bits.ue()
    bits.flag()  # gaps_in_frame_num_value_allowed_flag
    columns, rows = bits.ue() + 1, bits.ue() + 1
    frame_mbs_only = bits.flag()
    if not frame_mbs_only:
        rows *= 2
        bits.flag()  # mb_adaptive_frame_field_flag
    bits.flag()  # direct_8x8_inference_flag
    crop_width, crop_height = _cropping(bits, chroma, frame_mbs_only)
    return SequenceParameters(
        profile_idc=profile,
        constraint_flags=constraints,
        level_idc=level,
        chroma_format_idc=chroma,
        bit_depth=depth,
        reference_frames=references,
        frame_mbs_only=frame_mbs_only,
        macroblocks=columns * rows,
        width=16 * columns - crop_width,
        height=16 * rows - crop_height,
        vui=_usability(bits) if bits.flag() else None,
    )


def _chroma_and_depth(bits: _Bits) -> tuple[int, int]:
    chroma = bits.ue()
    if chroma == 3:
        bits.flag()  # separate_colour_plane_flag
    depth = 8 + max(bits.ue(), bits.ue())
    bits.flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < _LIST_SIZES_4X4 else 64)
    return chroma, depth


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_order_counts(bits: _Bits) -> None:
    bits.ue()  # log2_max_frame_num_minus4
    order_count_type = bits.ue()
    if order_count_type == 0:
        bits.ue()
    elif order_count_type == 1:
        bits.flag()
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()


def _cropping(bits: _Bits, chroma: int, frame_mbs_only: bool) -> tuple[int, int]:
    if not bits.flag():
        return 0, 0
    unit_x = 2 if chroma in (1, 2) else 1
    unit_y = (2 if chroma == 1 else 1) * (1 if frame_mbs_only else 2)
    left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
    return unit_x * (left + right), unit_y * (top + bottom)


def _usability(bits: _Bits) -> VideoUsability:
    sample_aspect = bits.u(8) if bits.flag() else None
    if sample_aspect == _EXTENDED_SAMPLE_ASPECT:
        bits.u(32)
    if bits.flag():
        bits.flag()  # overscan_appropriate_flag
    full_range, colour = _signal_type(bits) if bits.flag() else (None, None)
    if bits.flag():
        bits.ue()  # chroma sample locations
        bits.ue()
    tick = (bits.u(32), bits.u(32)) if bits.flag() else None
    fixed = bits.flag() if tick else False
    nal_hrd, vcl_hrd = (_skip_hrd(bits), _skip_hrd(bits))
    if nal_hrd or vcl_hrd:
        bits.flag()  # low_delay_hrd_flag
    bits.flag()  # pic_struct_present_flag
    return VideoUsability(
        sample_aspect=sample_aspect,
        full_range=full_range,
        colour=colour,
        tick=tick,
        fixed_frame_rate=fixed,
        nal_hrd=nal_hrd,
        reorder_frames=_reorder_frames(bits) if bits.flag() else None,
    )


def _signal_type(bits: _Bits) -> tuple[bool, tuple[int, int, int] | None]:
    bits.u(3)  # video_format
    full_range = bits.flag()
    return full_range, (bits.u(8), bits.u(8), bits.u(8)) if bits.flag() else None


def _skip_hrd(bits: _Bits) -> bool:
    if not bits.flag():
        return False
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.flag()
    bits.u(20)
    return True


def _reorder_frames(bits: _Bits) -> int:
    bits.flag()  # motion_vectors_over_pic_boundaries_flag
    for _ in range(4):
        bits.ue()
    return bits.ue()
