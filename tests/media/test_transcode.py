import hashlib
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.h264 import parse_sps
from cinestow.media.model import Ratio, SegmentPlan
from cinestow.media.source import FileSource
from cinestow.media.timeline import slot_of
from cinestow.media.transcode import encode_video
from support.ffmpeg import complaints, frame_times, run, ssim
from support.plans import plan_of, planned, recording_of
from support.synthetic import moving_picture
from support.transcoding import transcode

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
AS_A_PLAYER = (
    "setparams=range=pc:colorspace=bt709,scale={size}:in_range=pc:out_range=tv"
    ":in_color_matrix=bt709:out_color_matrix=bt709,format=yuv420p,fps={rate}:round=near"
)


class TestRecordings:
    @pytest.mark.parametrize("name", sorted(path.name for path in RECORDED.iterdir()))
    def test_comes_out_right(self, name: str, tmp_path: Path) -> None:
        source = RECORDED / name
        plan = planned(source)
        done = transcode(source, plan, tmp_path / "out.mp4")
        rate = plan.frame_rate.value
        assert done.frames == plan.frames
        assert complaints(done.path) == ""
        times = [float(k / rate) for k in range(plan.frames)]
        assert frame_times(done.path) == pytest.approx(times, abs=1e-5)
        whole = "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0"
        size = f"{plan.width}:{plan.height}" if plan.recording.sizes > 1 else "iw:ih"
        inner = f"crop={plan.recording.width & ~1}:{plan.recording.height & ~1}:0:0"
        wanted = AS_A_PLAYER.format(size=size, rate=f"{rate.numerator}/{rate.denominator}")
        judged = ssim(done.path, source, inner, f"{wanted},{whole}")
        recording = plan.recording
        last = slot_of(recording.last_pts, recording.time_base.value, recording.first_pts, rate)
        assert abs(len(judged) - (last + 1)) <= 1
        assert np.mean(judged) >= 0.98
        assert np.percentile(judged, 1) >= 0.96

    def test_table_says_what_went_to_the_sink(self) -> None:
        source = RECORDED / "vp9_pause.webm"
        plan = planned(source)
        payload = bytearray()
        with FileSource(source) as opened:
            segment = encode_video(opened, plan, 0, payload.extend)
        quality = segment.quality
        assert quality.frames_in == plan.recording.frames
        assert quality.frames_in - quality.dropped + quality.duplicated == len(segment.sizes)
        assert len(quality.ssim) == len(quality.psnr_db) == len(segment.sizes)
        assert sum(segment.sizes) == segment.bytes == len(payload)
        assert segment.sha256 == hashlib.sha256(payload).hexdigest()
        assert sorted(segment.decode_order) == list(range(len(segment.sizes)))
        assert max(np.diff([*segment.key_samples, len(segment.sizes)])) <= 60


class TestSlots:
    def test_later_picture_wins_and_gaps_repeat(self, tmp_path: Path) -> None:
        """Ten pictures a second with one gap, at 5 and at 20 frames a second."""
        source = moving_picture(
            tmp_path / "gap.mkv",
            "-vf",
            "select='not(between(n,4,6))'",
            "-fps_mode",
            "passthrough",
            "-c:v",
            "ffv1",
            rate="10",
            seconds=1.2,
        )
        recording = recording_of(source)
        assert recording.frames == 9
        for rate, frames, dropped, duplicated in ((5, 7, 3, 1), (20, 23, 0, 14)):
            plan = plan_of(recording, rate=Fraction(rate))
            with FileSource(source) as opened:
                segment = encode_video(opened, plan, 0, bytearray().extend)
            quality = segment.quality
            assert (len(segment.sizes), quality.frames_in) == (frames, 9)
            assert (quality.dropped, quality.duplicated) == (dropped, duplicated)

    def test_the_last_picture_fills_a_fixed_end(self, tmp_path: Path) -> None:
        source = moving_picture(tmp_path / "in.mp4", seconds=0.5)
        plan = replace(plan_of(recording_of(source)), segments=(SegmentPlan(0, 20),))
        done = transcode(source, plan, tmp_path / "out.mp4")
        assert (done.frames, done.video[0].quality.duplicated) == (20, 5)
        assert complaints(done.path) == ""

    def test_the_first_picture_that_decodes_shows_from_the_start(self, tmp_path: Path) -> None:
        """The probe saw an earlier one."""
        source = moving_picture(tmp_path / "in.mkv", "-c:v", "ffv1", rate="10", seconds=0.5)
        recording = recording_of(source)
        earlier = replace(recording, first_pts=recording.first_pts - 300)
        with FileSource(source) as opened:
            plan = replace(plan_of(earlier, rate=Fraction(10)), segments=(SegmentPlan(0, 8),))
            segment = encode_video(opened, plan, 0, bytearray().extend)
        assert sorted(segment.decode_order) == list(range(8))
        assert segment.quality.duplicated == 3

    def test_a_file_cut_off_gives_what_decodes(self, tmp_path: Path) -> None:
        whole = RECORDED / "vp9.webm"
        cut = tmp_path / "cut.webm"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        done = transcode(cut, planned(cut), tmp_path / "out.mp4")
        assert 0.3 < done.frames / planned(whole).frames < 0.7
        assert complaints(done.path) == ""

    def test_no_picture_at_all_is_refused(self, tmp_path: Path) -> None:
        source = moving_picture(tmp_path / "in.mp4", seconds=0.5)
        elsewhere = replace(recording_of(source), first_pts=10**6, last_pts=10**6)
        with FileSource(source) as opened, pytest.raises(InputRefused) as refusal:
            encode_video(opened, plan_of(elsewhere), 0, bytearray().extend)
        assert refusal.value.code is RefusalCode.NO_FRAMES


class TestSegments:
    @pytest.mark.parametrize(
        ("container", "encoding"),
        [
            ("mp4", ("-c:v", "libx264", "-bf", "3", "-g", "25")),
            ("webm", ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "40")),
            ("ts", ("-c:v", "mpeg2video", "-bf", "2", "-g", "12", "-b:v", "4M")),
            ("avi", ("-c:v", "mpeg4", "-bf", "0", "-g", "30", "-b:v", "4M")),
        ],
    )
    def test_cut_anywhere_they_join_into_the_whole(
        self, container: str, encoding: tuple[str, ...], tmp_path: Path
    ) -> None:
        source = moving_picture(tmp_path / f"in.{container}", *encoding, size="192x144", seconds=3)
        recording = recording_of(source)
        whole = transcode(source, plan_of(recording), tmp_path / "whole.mp4")
        parts = transcode(source, plan_of(recording, cuts=(31, 64)), tmp_path / "parts.mp4")
        assert [len(segment.sizes) for segment in parts.video] == [31, 33, whole.frames - 64]
        assert sum(segment.quality.frames_in for segment in parts.video) == recording.frames
        assert complaints(parts.path) == ""
        assert frame_times(parts.path) == frame_times(whole.path)
        assert min(ssim(parts.path, whole.path)) > 0.97

    def test_a_gap_may_lie_across_the_cut(self, tmp_path: Path) -> None:
        source = moving_picture(
            tmp_path / "gap.mkv",
            "-vf",
            "select='not(between(n,10,40))'",
            "-fps_mode",
            "passthrough",
            "-c:v",
            "ffv1",
            seconds=2,
        )
        recording = recording_of(source)
        parts = transcode(source, plan_of(recording, cuts=(25, 35)), tmp_path / "parts.mp4")
        whole = transcode(source, plan_of(recording), tmp_path / "whole.mp4")
        assert [len(segment.sizes) for segment in parts.video] == [25, 10, 25]
        assert [s.quality.duplicated for s in parts.video] == [15, 10, 6]
        assert [s.quality.frames_in for s in parts.video] == [10, 0, 19]
        assert min(ssim(parts.path, whole.path)) > 0.97

    def test_the_buffer_holds_over_the_seams(self, tmp_path: Path) -> None:
        source = moving_picture(tmp_path / "in.mp4", seconds=1.5)
        done = transcode(source, plan_of(recording_of(source), cuts=(10, 25)), tmp_path / "out.mp4")
        assert lowest_fullness([size for part in done.video for size in part.sizes]) > 0


def lowest_fullness(sizes: list[int]) -> float:
    """Bits left in the leaky bucket that the stream's HRD states (ITU-T H.264 Annex C)."""
    rate = buffer = 62_500_000
    fullness = lowest = 0.9 * buffer
    for size in sizes:
        fullness -= 8 * size
        lowest = min(lowest, fullness)
        fullness = min(fullness + rate / 30, buffer)
    return lowest


class TestStream:
    def test_level_42_for_1080p60(self, tmp_path: Path) -> None:
        source = moving_picture(tmp_path / "in.mp4", size="1920x1080", rate="60", seconds=0.1)
        plan = replace(
            plan_of(recording_of(source), rate=Fraction(60)), transfer_syntax="MPEG4HP422D"
        )
        done = transcode(source, plan, tmp_path / "out.mp4")
        sps = parse_sps(done.video[0].sps)
        assert (sps.level_idc, sps.width, sps.height, sps.macroblocks) == (42, 1920, 1080, 8160)
        assert complaints(done.path) == ""

    def test_interlaced_input_comes_out_progressive(self, tmp_path: Path) -> None:
        source = moving_picture(
            tmp_path / "in.ts",
            "-vf",
            "interlace",
            "-c:v",
            "mpeg2video",
            "-flags",
            "+ilme+ildct",
            "-b:v",
            "6M",
            rate="50",
            size="720x576",
            seconds=1,
        )
        plan = planned(source)
        assert plan.recording.interlaced
        done = transcode(source, plan, tmp_path / "out.mp4")
        assert done.frames == 25
        assert complaints(done.path) == ""
        smooth = ssim(done.path, source, "null", f"bwdif=mode=send_frame,scale={plan.width}:576")
        assert min(smooth) > 0.95

    def test_noise_never_empties_the_buffer(self, tmp_path: Path) -> None:
        """Pictures that constant quality alone would give more than the level's bit rate."""
        source = moving_picture(
            tmp_path / "noise.mp4",
            *("-vf", "noise=alls=100:allf=t", "-c:v", "libx264", "-preset", "ultrafast"),
            *("-qp", "10"),
            size="1280x720",
            seconds=0.4,
        )
        done = transcode(source, plan_of(recording_of(source)), tmp_path / "out.mp4")
        (part,) = done.video
        assert 8 * part.bytes > 50_000_000
        assert lowest_fullness(list(part.sizes)) > 0

    @pytest.mark.parametrize("degrees", [90, 180, 270])
    def test_upright_as_ffmpeg_shows_it(self, degrees: int, tmp_path: Path) -> None:
        plain = moving_picture(tmp_path / "plain.mp4", seconds=0.5)
        turned = tmp_path / "turned.mp4"
        run("-i", plain, "-c", "copy", "-metadata:s:v", f"rotate={degrees}", turned)
        plan = planned(turned)
        assert plan.recording.rotation
        done = transcode(turned, plan, tmp_path / "out.mp4")
        assert min(ssim(done.path, turned)) > 0.97

    def test_wide_samples_become_square(self, tmp_path: Path) -> None:
        source = moving_picture(
            tmp_path / "in.mp4", "-vf", "setsar=16/15", size="720x576", seconds=0.2
        )
        plan = planned(source)
        assert (plan.width, plan.height) == (768, 576)
        assert plan.recording.sample_aspect == Ratio(16, 15)
        done = transcode(source, plan, tmp_path / "out.mp4")
        assert min(ssim(done.path, source, "null", "scale=768:576")) > 0.97


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for seconds in (2, 12):
        source = moving_picture(tmp_path / f"{seconds}.mp4", size="320x180", seconds=seconds)
        program = (
            "import sys; from pathlib import Path\n"
            "from cinestow.media.source import FileSource\n"
            "from cinestow.media.transcode import encode_video\n"
            "from support.peak import peak_mib\n"
            "from support.plans import plan_of, recording_of\n"
            "path = Path(sys.argv[1]); plan = plan_of(recording_of(path))\n"
            "encode_video(FileSource(path), plan, 0, len)\n"
            "print(peak_mib())"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, source],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        )
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 20
