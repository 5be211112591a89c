from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from cinestow.errors import AlarmRaised
from cinestow.media.encoder import Encoder
from cinestow.media.quality import HIGHEST_PSNR_DB, Comparison
from support.ffmpeg import pictures, ssim
from support.plans import plan_of, progressive_recording, recording_of
from support.synthetic import moving_picture
from support.transcoding import transcode


def psnr_of(first: bytes, second: bytes, frames: int) -> list[float]:
    """libavfilter's average: over all samples of the three planes."""
    pair = [
        np.frombuffer(data, np.uint8).reshape(frames, -1).astype(float) for data in (first, second)
    ]
    return [
        float(value) for value in 10 * np.log10(255**2 / ((pair[0] - pair[1]) ** 2).mean(axis=1))
    ]


class TestQuality:
    def test_equals_what_ffmpeg_measures(self, tmp_path: Path) -> None:
        source = moving_picture(tmp_path / "in.mp4", size="322x180")
        done = transcode(source, plan_of(recording_of(source)), tmp_path / "out.mp4")
        quality = done.video[0].quality
        judged = ssim(done.path, source)
        assert len(quality.ssim) == len(judged) == 60
        assert quality.ssim == pytest.approx(judged, abs=5e-5)
        expected = psnr_of(pictures(source), pictures(done.path), 60)
        assert quality.psnr_db == pytest.approx(expected, abs=0.01)

    def test_identical_pictures_stay_finite(self) -> None:
        """Black encodes without loss."""
        plan = plan_of(progressive_recording(64, 48))
        encoder = Encoder(plan)
        comparison = Comparison(encoder.parameter_sets)
        for packet in _encoded(encoder, comparison):
            comparison.check(packet)
        comparison.finish()
        assert comparison.psnr_db == [HIGHEST_PSNR_DB] * 3
        assert comparison.ssim == [1.0] * 3

    @pytest.mark.parametrize("size", [(2, 2), (2, 64), (8, 16), (14, 64), (16, 16)])
    def test_tiny_pictures_are_measured_too(self, size: tuple[int, int]) -> None:
        encoder = Encoder(plan_of(progressive_recording(*size)))
        comparison = Comparison(encoder.parameter_sets)
        noise = np.random.default_rng(1).integers(16, 235, (size[1] * 3 // 2, size[0]), np.uint8)
        frame = VideoFrame.from_ndarray(noise, "yuv420p")
        frame.pts = 0
        comparison.expect(frame)
        for packet in [*encoder.encode(frame), *encoder.encode(None)]:
            comparison.check(packet)
        comparison.finish()
        assert 0.95 < comparison.ssim[0] <= 1

    def test_a_lost_packet_raises_an_alarm(self) -> None:
        encoder = Encoder(plan_of(progressive_recording(64, 48)))
        comparison = Comparison(encoder.parameter_sets)
        for packet in _encoded(encoder, comparison)[:-1]:
            comparison.check(packet)
        with pytest.raises(AlarmRaised, match="of 3 encoded frames 2 decoded"):
            comparison.finish()


def _encoded(encoder: Encoder, comparison: Comparison) -> list["av.Packet"]:
    packets = []
    for number in range(3):
        frame = VideoFrame.from_ndarray(
            np.repeat([16, 128], [48, 24])[:, None].repeat(64, 1).astype(np.uint8), "yuv420p"
        )
        frame.pts = number
        comparison.expect(frame)
        packets += encoder.encode(frame)
    return [*packets, *encoder.encode(None)]
