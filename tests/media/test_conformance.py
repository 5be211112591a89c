import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from cinestow.errors import AlarmRaised
from cinestow.media.conformance import demand_conformance
from cinestow.media.model import Plan, VideoSegment, ratio
from cinestow.media.source import FileSource
from cinestow.media.transcode import encode_video
from support.plans import plan_of, recording_of
from support.synthetic import moving_picture

BT601 = (6, 6, 6)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, VideoSegment]:
    path = moving_picture(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=0.2)
    plan = plan_of(recording_of(path))
    with FileSource(Path(path)) as source:
        return plan, encode_video(source, plan, 0, io.BytesIO().write)


class TestDemandConformance:
    def test_takes_what_was_planned(self, encoded: tuple[Plan, VideoSegment]) -> None:
        plan, segment = encoded
        demand_conformance(segment.sps, plan, BT601)

    def test_names_every_departure(self, encoded: tuple[Plan, VideoSegment]) -> None:
        plan, segment = encoded
        other = replace(plan, transfer_syntax="MPEG4HP422D", frame_rate=ratio(Fraction(25)))
        with pytest.raises(AlarmRaised, match=r"level is 41, not 42; frame rate is 30, not 25"):
            demand_conformance(segment.sps, other, BT601)

    def test_names_the_limit_of_the_level(self, tmp_path: Path) -> None:
        path = moving_picture(tmp_path / "fast.mp4", size="1920x1080", rate="60", seconds=0.1)
        plan = plan_of(recording_of(path), rate=Fraction(60))
        with (
            FileSource(path) as source,
            pytest.raises(AlarmRaised, match="489600 macroblocks a second, at most 245760"),
        ):
            encode_video(source, plan, 0, io.BytesIO().write)
