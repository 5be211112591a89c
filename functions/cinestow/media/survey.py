"""Times of all pictures of a stream, and a look at some, gathered while it is read once."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.demux import decode, time_of
from cinestow.media.look import is_top_field_first
from cinestow.media.model import Limits
from cinestow.media.visibility import is_visible

_LOOK_EVERY_S = 1
"""Key pictures nearer to each other are not all decoded: some codecs have nothing else."""


class Survey:
    """Feed it every packet of the stream, then ``finish``; memory grows by a few bytes a picture.

    ``first`` is the first picture that decodes; ``sizes`` and the field order are those of the
    pictures looked at: ``first`` and key pictures.
    """

    def __init__(self, stream: VideoStream, limits: Limits) -> None:
        self.first: VideoFrame | None = None
        self.sizes: set[tuple[int, int]] = set()
        self.top_field_first = False
        self.cut = False
        self._codec = stream.codec_context.name
        self._context = stream.codec_context
        self._context.thread_count = 1
        self._context.options = {"max_pixels": str(limits.pixels_per_frame)}
        self._max_frames = limits.frames
        self._look_distance = _LOOK_EVERY_S / (stream.time_base or Fraction(1))
        self._next_look: Fraction | int = 0
        self._times = array("q")
        self._cut_pictures = 0
        self._looks = 0
        self._interlaced_looks = 0

    def add(self, packet: Packet[Stream]) -> None:
        """Take the next packet. Raises ``InputRefused``: ``OVER_LIMIT``, ``UNSUPPORTED``."""
        if packet.has_sidedata("encryption_info"):
            raise InputRefused(
                RefusalCode.UNSUPPORTED,
                "The recording is encrypted (copy protection); send it without protection.",
            )
        time = time_of(packet)
        visible = time is not None and is_visible(self._codec, packet)
        self.cut = packet.is_corrupt
        self._cut_pictures = int(self.cut and visible)
        if time is not None and visible:
            self._note(time)
        if self.first is None:
            self._look(decode(self._context, packet))
            if self.first is not None:
                self._context.flush_buffers()
        elif packet.is_keyframe and time is not None and time >= self._next_look:
            self._next_look = time + self._look_distance
            self._look(decode(self._context, packet) + decode(self._context, None))
            self._context.flush_buffers()

    def finish(self) -> Sequence[int]:
        """Presentation times from the first picture that decodes, rising. May be none at all."""
        if self.first is None:
            self._look(decode(self._context, None))
        if self.first is None or not self._times:
            return ()
        start = self.first.pts
        whole = self._times[: len(self._times) - self._cut_pictures]
        return array("q", sorted(time for time in whole if start is None or time >= start))

    @property
    def interlaced(self) -> bool:
        """Whether most pictures looked at consist of two fields."""
        return 2 * self._interlaced_looks > self._looks

    def _note(self, time: int) -> None:
        self._times.append(time)
        if len(self._times) > self._max_frames:
            raise InputRefused(
                RefusalCode.OVER_LIMIT,
                f"The recording has more than {self._max_frames} pictures; "
                "send it in shorter parts.",
            )

    def _look(self, pictures: Sequence[VideoFrame]) -> None:
        for picture in pictures:
            self.first = self.first or picture
            self.sizes.add((picture.width, picture.height))
            self._looks += 1
            if picture.interlaced_frame:
                if not self._interlaced_looks:
                    self.top_field_first = is_top_field_first(picture)
                self._interlaced_looks += 1
