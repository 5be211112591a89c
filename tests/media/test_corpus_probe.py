"""Every further input is probed or refused with a code: no traceback, no hang."""

import os
from pathlib import Path

import pytest

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media import isolated
from cinestow.media.plan import plan
from cinestow.media.source import FileSource
from support import ffmpeg

CORPUS = os.environ.get("CINESTOW_CORPUS")
WHOLE = ("recorded", "webm/mediarecorder", "clinical")
DAMAGED = ("webm/other", "containers", "hostile")
NOT_VIDEO = {".html"}


def files(folders: tuple[str, ...]) -> list[Path]:
    found = (path for folder in folders if CORPUS for path in Path(CORPUS, folder).iterdir())
    return sorted(path for path in found if path.is_file() and path.suffix not in NOT_VIDEO)


def decoded_times(path: Path) -> list[float]:
    """When each picture shows, as ffprobe's decoder guesses where the file is silent."""
    wanted = ("-show_entries", "frame=best_effort_timestamp_time,pkt_duration_time")
    frames = ffmpeg.probe(path, "-select_streams", "v:0", *wanted)["frames"]
    times: list[float] = []
    for frame in frames:
        said = frame.get("best_effort_timestamp_time")
        step = float(frame.get("pkt_duration_time", 0))
        times.append(float(said) if said is not None else times[-1] + step)
    return times


@pytest.mark.corpus
@pytest.mark.parametrize("path", files(WHOLE), ids=lambda path: path.name)
def test_whole_recordings_keep_their_length(path: Path) -> None:
    streams = ffmpeg.probe(path, "-show_streams")["streams"]
    with FileSource(path) as source:
        if all(stream["codec_type"] != "video" for stream in streams):
            with pytest.raises(InputRefused, match=RefusalCode.NO_VIDEO_STREAM):
                isolated.probe(source)
            return
        recording = isolated.probe(source)
    times = decoded_times(path)
    made = plan(recording)
    rate = made.frame_rate.value
    assert recording.frames == len(times)
    assert not recording.truncated
    lasts = max(times) - min(times) + float(recording.frame_interval.value)
    assert abs(float(recording.duration) - lasts) < 0.01
    assert abs(made.frames / rate - recording.duration) <= 1 / rate


@pytest.mark.corpus
@pytest.mark.parametrize("path", files(DAMAGED), ids=lambda path: path.name)
def test_anything_is_probed_or_refused(path: Path) -> None:
    with FileSource(path) as source:
        try:
            recording = isolated.probe(source)
        except InputRefused as refused:
            recording, code = None, refused.code
    if recording is None:
        assert code is not RefusalCode.DECODER_CRASHED
        return
    made = plan(recording)
    assert made.frames >= 1
    assert recording.drops_by_rate[str(made.frame_rate.value)] < recording.frames
