"""Conversion is held against exact arithmetic in numpy, picture by picture."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.model import Plan, Ratio
from cinestow.media.picture import converted, fitted
from support.plans import plan_of, progressive_recording

Plane = npt.NDArray[Any]
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
BARS = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)]


def plan(width: int, height: int, size: tuple[int, int] | None = None, **changes: Any) -> Plan:
    return plan_of(replace(progressive_recording(width, height), **changes), size=size)


def picture(planes: list[Plane], pixel_format: str, time: int = 0) -> VideoFrame:
    height, width = planes[0].shape[:2]
    frame = VideoFrame(width, height, pixel_format)
    for target, samples in zip(frame.planes, planes, strict=True):
        lines = np.zeros((samples.shape[0], target.line_size), np.uint8)
        row_bytes = np.ascontiguousarray(samples).view(np.uint8).reshape(samples.shape[0], -1)
        lines[:, : row_bytes.shape[1]] = row_bytes
        target.update(lines.tobytes())
    frame.pts, frame.time_base = time, Fraction(1, 30)
    return frame


def planes_of(frame: VideoFrame) -> list[Plane]:
    return [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    ]


def converted_planes(planes: list[Plane], pixel_format: str, made: Plan) -> list[Plane]:
    (frame,) = converted([picture(planes, pixel_format)], made)
    assert frame.format.name == "yuv420p"
    assert (frame.width, frame.height) == (made.width, made.height)
    return planes_of(frame)


def bars(matrix: str, full_range: bool) -> list[Plane]:
    """Colour bars of 16 x 64 pixels each as exact luma and chroma (4:4:4), not yet rounded."""
    red, green, blue = (
        np.repeat(np.tile([bar[channel] for bar in BARS], (64, 1)), 16, axis=1).astype(float)
        for channel in range(3)
    )
    weight_red, weight_blue = WEIGHTS[matrix]
    luma = weight_red * red + (1 - weight_red - weight_blue) * green + weight_blue * blue
    chroma = [(blue - luma) / 2 / (1 - weight_blue), (red - luma) / 2 / (1 - weight_red)]
    if full_range:
        return [255 * luma, *(np.clip(128 + 255 * part, 0, 255) for part in chroma)]
    return [16 + 219 * luma, *(128 + 224 * part for part in chroma)]


def rounded(planes: list[Plane], chroma_step: int = 2) -> list[Plane]:
    return [
        np.round(plane[::step, ::step]).astype(np.uint8)
        for plane, step in zip(planes, (1, chroma_step, chroma_step), strict=True)
    ]


def errors(found: list[Plane], exact: list[Plane]) -> list[float]:
    """Largest error of luma and of chroma, away from the edges between bars."""
    inner = np.tile(np.arange(16), 8)
    middle = (inner >= 4) & (inner < 12)
    luma = np.abs(found[0] - exact[0])[:, middle].max()
    chroma = max(
        np.abs(plane - want[::2, ::2])[:, middle[::2]].max()
        for plane, want in zip(found[1:], exact[1:], strict=True)
    )
    return [float(luma), float(chroma)]


class TestColour:
    @pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
    def test_full_range_becomes_limited(self, matrix: str) -> None:
        made = plan(128, 64, full_range=True, matrix=matrix)
        found = converted_planes(rounded(bars(matrix, full_range=True)), "yuv420p", made)
        luma, chroma = errors(found, bars(matrix, full_range=False))
        assert luma <= 1
        assert chroma <= 1.5

    def test_the_plan_is_trusted_and_not_the_frame(self) -> None:
        made = plan(128, 64, full_range=True, matrix="bt709")
        frame = picture(rounded(bars("bt709", full_range=True)), "yuv420p")
        frame.color_range, frame.colorspace = 1, 5
        (found,) = converted([frame], made)
        luma, chroma = errors(planes_of(found), bars("bt709", full_range=False))
        assert luma <= 1
        assert chroma <= 1.5

    @pytest.mark.parametrize("pixel_format", ["yuv420p", "gray12le"])
    def test_reserved_code_points_do_no_harm(self, pixel_format: str) -> None:
        frame = VideoFrame(128, 64, pixel_format)
        frame.pts, frame.time_base = 0, Fraction(1, 30)
        frame.color_primaries = frame.color_trc = 200
        (found,) = converted([frame], plan(128, 64))
        assert (found.width, found.height, found.format.name) == (128, 64, "yuv420p")

    def test_limited_range_stays_untouched(self) -> None:
        noise = np.random.default_rng(1)
        planes = [noise.integers(0, 256, shape, np.uint8) for shape in ((64, 96), *[(32, 48)] * 2)]
        found = converted_planes(planes, "yuv420p", plan(96, 64))
        assert all(np.array_equal(*pair) for pair in zip(found, planes, strict=True))

    @pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
    def test_rgb(self, matrix: str) -> None:
        red, green, blue = (
            np.repeat(np.tile([255 * bar[i] for bar in BARS], (64, 1)), 16, 1) for i in range(3)
        )
        packed = np.dstack([red, green, blue]).astype(np.uint8)
        made = plan(128, 64, full_range=True, matrix=matrix, pixel_format="rgb24")
        found = converted_planes([packed], "rgb24", made)
        assert max(errors(found, bars(matrix, full_range=False))) <= 1

    def test_444_at_full_range(self) -> None:
        made = plan(128, 64, full_range=True, pixel_format="yuvj444p")
        found = converted_planes(rounded(bars("bt601", full_range=True), 1), "yuvj444p", made)
        luma, chroma = errors(found, bars("bt601", full_range=False))
        assert luma <= 1
        assert chroma <= 1.5

    def test_ten_bits(self) -> None:
        deep = [
            np.round(4 * plane[::step, ::step]).astype("<u2")
            for plane, step in zip(bars("bt709", full_range=False), (1, 2, 2), strict=True)
        ]
        made = plan(128, 64, matrix="bt709", pixel_format="yuv420p10le")
        found = converted_planes(deep, "yuv420p10le", made)
        assert max(errors(found, bars("bt709", full_range=False))) <= 1

    def test_gray(self) -> None:
        ramp = np.tile(np.arange(0, 256, 2, dtype=np.uint8), (64, 1))
        found = converted_planes([ramp], "gray", plan(128, 64, full_range=True))
        assert np.abs(found[0] - (16 + ramp.astype(float) * 219 / 255)).max() <= 1
        assert {*np.unique(found[1]), *np.unique(found[2])} == {128}


def test_what_no_filter_takes_is_refused() -> None:
    frame = VideoFrame(64, 48, "yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 30)
    with pytest.raises(InputRefused) as caught:
        list(converted([frame], plan(64, 48, size=(1 << 20, 1 << 20))))
    assert caught.value.code is RefusalCode.UNSUPPORTED


class TestAlpha:
    @pytest.mark.parametrize("full_range", [True, False])
    def test_is_flattened_over_black(self, full_range: bool) -> None:
        colour = bars("bt709", full_range=full_range)
        alpha = np.repeat(np.linspace(0, 255, 4).round(), 16)[:, None].repeat(128, 1)
        made = plan(128, 64, full_range=full_range, matrix="bt709", alpha=True)
        found = converted_planes([*rounded(colour), alpha.astype(np.uint8)], "yuva420p", made)
        opaque = bars("bt709", full_range=False)
        exact = [
            base + (plane - base) * alpha / 255
            for plane, base in zip(opaque, (16, 128, 128), strict=True)
        ]
        rows = (np.arange(64) % 16 >= 4) & (np.arange(64) % 16 < 12)
        found = [found[0][rows], found[1][rows[::2]], found[2][rows[::2]]]
        luma, chroma = errors(found, [plane[rows] for plane in exact])
        assert luma <= 2
        assert chroma <= 2

    def test_is_ignored_when_the_plan_knows_of_none(self) -> None:
        planes = [*rounded(bars("bt709", full_range=False)), np.zeros((64, 128), np.uint8)]
        found = converted_planes(planes, "yuva420p", plan(128, 64, matrix="bt709"))
        assert np.array_equal(found[0], planes[0])


def quadrants(width: int, height: int) -> list[Plane]:
    """Luma 50, 100 / 150, 200; neutral chroma."""
    luma = np.zeros((height, width), np.uint8)
    luma[: height // 2, : width // 2] = 50
    luma[: height // 2, width // 2 :] = 100
    luma[height // 2 :, : width // 2] = 150
    luma[height // 2 :, width // 2 :] = 200
    return [luma, *[np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)] * 2]


class TestOrientation:
    @pytest.mark.parametrize(
        ("rotation", "flipped", "turned"),
        [
            (0, True, lambda luma: luma[:, ::-1]),
            (90, False, lambda luma: np.rot90(luma, -1)),
            (180, False, lambda luma: np.rot90(luma, 2)),
            (270, False, lambda luma: np.rot90(luma, 1)),
            (90, True, lambda luma: np.rot90(luma[:, ::-1], -1)),
        ],
    )
    def test_turns_clockwise_after_flipping(
        self, rotation: int, flipped: bool, turned: Any
    ) -> None:
        size = (48, 64) if rotation in (90, 270) else (64, 48)
        made = plan(64, 48, size, rotation=rotation, flipped=flipped)
        source = quadrants(64, 48)
        assert np.array_equal(converted_planes(source, "yuv420p", made)[0], turned(source[0]))


class TestSize:
    @pytest.mark.parametrize(("width", "height"), [(63, 47), (64, 47), (63, 48)])
    def test_odd_edges_are_smeared(self, width: int, height: int) -> None:
        noise = np.random.default_rng(2)
        shapes = [(height, width), *[(24, 32)] * 2]
        planes = [noise.integers(16, 236, shape, np.uint8) for shape in shapes]
        found = converted_planes(planes, "yuv420p", plan(width, height))
        assert np.array_equal(
            found[0], np.pad(planes[0], ((0, 48 - height), (0, 64 - width)), "edge")
        )
        assert np.array_equal(found[1], planes[1])
        assert np.array_equal(found[2], planes[2])

    def test_bars_are_black_and_centred(self) -> None:
        luma, *chroma = converted_planes(
            [np.full((48, 64), 200, np.uint8), *[np.full((24, 32), 90, np.uint8)] * 2],
            "yuv420p",
            plan(64, 48, (128, 48)),
        )
        assert (luma[:, :32] == 16).all()
        assert (luma[:, 32:96] == 200).all()
        assert (luma[:, 96:] == 16).all()
        assert all((plane[:, :16] == 128).all() for plane in chroma)
        assert all((plane[:, 16:48] == 90).all() for plane in chroma)

    def test_samples_become_square(self) -> None:
        made = plan(64, 48, (128, 48), sample_aspect=Ratio(2, 1))
        luma = converted_planes(quadrants(64, 48), "yuv420p", made)[0]
        assert {*luma[:20, :56].ravel()} == {50}
        assert {*luma[28:, 72:].ravel()} == {200}

    def test_size_may_change_in_mid_stream(self) -> None:
        made = plan(64, 48)
        small = [np.full((24, 32), 99, np.uint8), *[np.full((12, 16), 128, np.uint8)] * 2]
        tall = [np.full((48, 32), 77, np.uint8), *[np.full((24, 16), 128, np.uint8)] * 2]
        frames = [
            picture(quadrants(64, 48), "yuv420p", 0),
            picture(small, "yuv420p", 1),
            picture(tall, "yuv420p", 5),
        ]
        first, second, third = converted(frames, made)
        assert [frame.pts for frame in (first, second, third)] == [0, 1, 5]
        assert np.array_equal(planes_of(first)[0], quadrants(64, 48)[0])
        assert (planes_of(second)[0] == 99).all()
        assert (planes_of(third)[0][:, 16:48] == 77).all()
        assert (planes_of(third)[0][:, :16] == 16).all()

    @pytest.mark.parametrize(
        ("source", "changes", "target", "inside"),
        [
            ((641, 479), {}, (642, 480), (641, 479)),
            ((3840, 2160), {}, (1920, 1080), (1920, 1080)),
            ((720, 576), {"sample_aspect": Ratio(16, 15)}, (768, 576), (768, 576)),
            ((720, 576), {"sample_aspect": Ratio(16, 15), "rotation": 90}, (576, 768), (576, 768)),
            ((640, 481), {}, (1280, 720), (958, 720)),
        ],
    )
    def test_fits_inside_keeping_its_aspect(
        self,
        source: tuple[int, int],
        changes: dict[str, Any],
        target: tuple[int, int],
        inside: tuple[int, int],
    ) -> None:
        assert fitted(plan(*source, target, **changes), *source) == inside


class TestInterlacing:
    def test_fields_become_whole_frames_one_for_one(self) -> None:
        """Fields of an object that moves 8 pixels a field: combed rows must be gone."""
        made = plan(64, 48, interlaced=True, top_field_first=True)
        frames = []
        for number in range(5):
            luma = np.full((48, 64), 16, np.uint8)
            luma[0::2, 8 * number : 8 * number + 8] = 235
            luma[1::2, 8 * number + 4 : 8 * number + 12] = 235
            frames.append(
                picture([luma, *[np.full((24, 32), 128, np.uint8)] * 2], "yuv420p", 2 * number)
            )
        found = list(converted(frames, made))
        assert [frame.pts * frame.time_base * 30 for frame in found] == [0, 2, 4, 6, 8]
        luma = planes_of(found[2])[0].astype(int)
        combing = np.abs(np.diff(luma, axis=0))[8:40].max()
        assert combing < 110


class TestFormats:
    @pytest.mark.parametrize(
        "pixel_format",
        [
            "yuv410p",
            "yuv411p",
            "yuv422p",
            "yuv440p",
            "yuvj422p",
            "yuv444p10le",
            "yuv420p12le",
            "yuyv422",
            "uyvy422",
            "nv12",
            "rgb555le",
            "rgb565le",
            "bgr24",
            "bgra",
            "argb",
            "0rgb",
            "gbrp",
            "gbrap",
            "gray10le",
            "gray16le",
            "ya8",
            "yuva422p",
            "pal8",
            "monow",
            "monob",
        ],
    )
    def test_whatever_a_decoder_gives_is_converted(self, pixel_format: str) -> None:
        changes = {"rotation": 90, "full_range": True, "alpha": True}
        made = plan(63, 47, (48, 64), pixel_format=pixel_format, **changes)
        frame = VideoFrame(63, 47, pixel_format)
        frame.pts, frame.time_base = 0, Fraction(1, 30)
        (found,) = converted([frame], made)
        assert (found.width, found.height, found.format.name) == (48, 64, "yuv420p")
