"""The output frames of a segment: which picture each one shows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from av.video.frame import VideoFrame

from cinestow.media.model import Plan, SegmentPlan
from cinestow.media.timeline import slot_of


@dataclass
class Counts:
    """What became of the pictures of a segment; counted while frames are drawn."""

    frames_in: int = 0
    dropped: int = 0
    duplicated: int = 0


def shown(
    pictures: Iterable[VideoFrame], plan: Plan, segment: SegmentPlan, counts: Counts
) -> Iterator[VideoFrame]:
    """The pictures that some frame of the segment shows, timed in frames of the segment.

    A picture shows from its slot to the next picture's; the later of two in one slot wins. One
    from before the segment may reach into it. Pictures outside the probed span are no part of the
    recording.
    """
    held: VideoFrame | None = None
    held_slot = 0
    for picture in pictures:
        if not plan.recording.first_pts <= _pts(picture) <= plan.recording.last_pts:
            continue
        slot = max(_slot_in_recording(picture, plan), held_slot)
        if segment.end is not None and slot >= segment.end:
            break
        if held is not None and slot > max(held_slot, segment.first):
            counts.duplicated += held_slot < segment.first
            yield _at(held, max(held_slot - segment.first, 0), plan)
        elif held is not None and held_slot >= segment.first:
            counts.dropped += 1
        counts.frames_in += slot >= segment.first
        held, held_slot = picture, slot
    if held is not None:
        counts.duplicated += held_slot < segment.first
        yield _at(held, max(held_slot - segment.first, 0), plan)


def every_slot(
    frames: Iterable[VideoFrame], plan: Plan, segment: SegmentPlan, counts: Counts
) -> Iterator[VideoFrame]:
    """One frame per slot, timed 0, 1, 2 ...: an empty slot repeats the frame before it.

    Where the beginning did not decode, the first frame shows from there. A repeat is the same
    object with a new time.
    """
    last: VideoFrame | None = None
    slot = -1
    for frame in frames:
        own_slot = _slot_in_segment(frame, plan)
        yield from _repeats(last or frame, range(slot + 1, own_slot), plan, counts)
        yield _at(frame, own_slot, plan)
        last, slot = frame, own_slot
    if last is not None and segment.end is not None:
        yield from _repeats(last, range(slot + 1, segment.end - segment.first), plan, counts)


def _repeats(frame: VideoFrame, slots: range, plan: Plan, counts: Counts) -> Iterator[VideoFrame]:
    for slot in slots:
        counts.duplicated += 1
        yield _at(frame, slot, plan)


def _at(frame: VideoFrame, slot: int, plan: Plan) -> VideoFrame:
    frame.pts = slot
    frame.time_base = 1 / plan.frame_rate.value
    return frame


def _slot_in_recording(picture: VideoFrame, plan: Plan) -> int:
    recording = plan.recording
    return slot_of(
        _pts(picture), recording.time_base.value, recording.first_pts, plan.frame_rate.value
    )


def _slot_in_segment(frame: VideoFrame, plan: Plan) -> int:
    """The slot that ``shown`` gave; filters may count it in a finer time base."""
    assert frame.time_base is not None
    return slot_of(_pts(frame), frame.time_base, 0, plan.frame_rate.value)


def _pts(frame: VideoFrame) -> int:
    assert frame.pts is not None
    return frame.pts
