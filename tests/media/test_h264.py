from pathlib import Path

import pytest

from cinestow.errors import InputRefused
from cinestow.media.h264 import parse_sps
from cinestow.media.nal import NalType, nal_type, split_annex_b
from support.ffmpeg import run


def encoded_sps(folder: Path, *settings: str, size: str = "320x240", rate: str = "30") -> bytes:
    """The SPS that x264's own build in FFmpeg writes."""
    stream = folder / "clip.h264"
    run("-f", "lavfi", "-i", f"testsrc=size={size}:rate={rate}:duration=0.2", *settings, stream)
    units = split_annex_b(stream.read_bytes())
    return next(u for u in units if nal_type(u) == NalType.SEQUENCE_PARAMETER_SET)


class TestParseSps:
    def test_reads_what_x264_was_told(self, tmp_path: Path) -> None:
        sps = parse_sps(
            encoded_sps(
                tmp_path,
                *("-pix_fmt", "yuv420p", "-profile:v", "high", "-level", "4.1", "-refs", "3"),
                *(
                    "-maxrate",
                    "5M",
                    "-bufsize",
                    "5M",
                    "-x264-params",
                    "nal-hrd=vbr:force-cfr=1:b-pyramid=none",
                ),
                *("-color_range", "tv", "-color_primaries", "bt709"),
                *("-color_trc", "bt709", "-colorspace", "bt709"),
                size="642x362",
                rate="30000/1001",
            )
        )
        assert (sps.profile_idc, sps.level_idc, sps.reference_frames) == (100, 41, 3)
        assert (sps.width, sps.height, sps.macroblocks) == (642, 362, 41 * 23)
        assert (sps.chroma_format_idc, sps.bit_depth, sps.frame_mbs_only) == (1, 8, True)
        assert sps.vui is not None
        assert sps.vui.colour == (1, 1, 1)
        assert sps.vui.full_range is False
        assert sps.vui.tick == (1001, 60000)
        assert sps.vui.fixed_frame_rate
        assert sps.vui.nal_hrd
        assert sps.vui.reorder_frames == 1

    def test_reads_interlaced_444_at_ten_bits_with_scaling_lists(self, tmp_path: Path) -> None:
        sps = parse_sps(
            encoded_sps(
                tmp_path,
                *("-pix_fmt", "yuv444p10le", "-color_range", "pc"),
                *("-x264-params", "interlaced=1:cqm=jvt"),
                size="320x180",
            )
        )
        assert (sps.chroma_format_idc, sps.bit_depth, sps.frame_mbs_only) == (3, 10, False)
        assert (sps.width, sps.height, sps.macroblocks) == (320, 180, 20 * 12)
        assert sps.vui is not None
        assert sps.vui.full_range is True
        assert sps.vui.colour is None
        assert not sps.vui.nal_hrd

    def test_reads_baseline(self, tmp_path: Path) -> None:
        settings = ("-pix_fmt", "yuv420p", "-profile:v", "baseline")
        sps = parse_sps(encoded_sps(tmp_path, *settings))
        assert (sps.profile_idc, sps.chroma_format_idc, sps.bit_depth) == (66, 1, 8)
        assert sps.constraint_flags & 0x40

    def test_refuses_one_that_is_cut(self, tmp_path: Path) -> None:
        sps = encoded_sps(tmp_path, "-pix_fmt", "yuv420p")
        with pytest.raises(InputRefused, match="ends too early"):
            parse_sps(sps[: len(sps) // 2])
