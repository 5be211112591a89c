"""A child that its input has taken over can say anything: the parent believes nothing."""

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from cinestow.errors import AlarmRaised, InputRefused, RefusalCode, StorageUnavailable
from cinestow.media.conversation import Conversation
from cinestow.media.model import Limits
from cinestow.media.wire import HEADER, MAX_BYTES, READ, Kind, Refusal, Wire
from support.recordings import BytesSource

LONGEST_RESULT = 100


def held(
    say: Callable[[socket.socket], None],
    limits: Limits | None = None,
    source: BytesSource | None = None,
) -> bytes:
    """What the parent makes of a child that says ``say``."""
    ours, theirs = socket.socketpair()
    written: list[bytes] = []

    def child() -> None:
        Wire(theirs).receive()
        say(theirs)

    talking = threading.Thread(target=child)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        talking.start()
        conversation = Conversation(
            Wire(ours),
            sleeper,
            source or BytesSource(b"0123456789"),
            [written.append],
            limits or Limits(wall_s=30),
            LONGEST_RESULT,
        )
        return conversation.hold("probe", None) + b"".join(written)
    finally:
        ours.close()
        talking.join()
        theirs.close()
        sleeper.kill()
        sleeper.wait()


def message(kind: int, content: bytes) -> bytes:
    return HEADER.pack(kind, len(content)) + content


@pytest.mark.parametrize(
    "said",
    [
        message(0, b""),
        message(99, b"x"),
        message(Kind.TASK, b"{}"),
        message(Kind.DATA, b"x"),
        HEADER.pack(Kind.WRITE, MAX_BYTES + 1),
        HEADER.pack(Kind.RESULT, LONGEST_RESULT + 1),
        HEADER.pack(Kind.READ, 0xFFFFFFFF),
        message(Kind.READ, b"short"),
        message(Kind.READ, READ.pack(0, MAX_BYTES + 1)),
        message(Kind.WRITE, b""),
        message(Kind.WRITE, b"\x00"),
        message(Kind.WRITE, b"\x01data"),
        message(Kind.REFUSED, b"not json"),
        message(Kind.REFUSED, b'{"code": "no-such-code", "sentence": "a"}'),
        message(Kind.REFUSED, b'{"code": "empty"}'),
        message(Kind.REFUSED, b'{"code": "empty", "sentence": "\xff"}'),
        message(Kind.REFUSED, b'{"code": "empty", "sentence": "a\\nforged line"}'),
        message(Kind.REFUSED, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ],
)
def test_what_must_not_be_said_is_a_crash(said: bytes) -> None:
    with pytest.raises(InputRefused) as caught:
        held(lambda child: child.sendall(said))
    assert caught.value.code is RefusalCode.DECODER_CRASHED


def test_reads_are_answered_within_the_source() -> None:
    answers: list[bytes] = []

    def say(child: socket.socket) -> None:
        wire = Wire(child)
        for offset, length in ((0, 4), (8, 100), (3, 0), (10, 1), (1 << 63, 5)):
            wire.send(Kind.READ, READ.pack(offset, length))
            answers.append(wire.receive()[1])
        wire.send(Kind.WRITE, b"\0", b"written")
        wire.send(Kind.RESULT, b"done ")

    assert held(say) == b"done written"
    assert answers == [b"0123", b"89", b"", b"", b""]


def test_long_sentences_are_cut() -> None:
    import msgspec

    refusal = msgspec.json.encode(Refusal("unreadable", "a" * 10_000))
    with pytest.raises(InputRefused) as caught:
        held(lambda child: child.sendall(message(Kind.REFUSED, refusal)))
    assert caught.value.code is RefusalCode.UNREADABLE
    assert len(caught.value.sentence) == 500


def test_trickling_bytes_does_not_win_time() -> None:
    def trickle(child: socket.socket) -> None:
        child.settimeout(5)
        try:
            child.sendall(struct.pack(">BI", Kind.RESULT, LONGEST_RESULT))
            for _ in range(50):
                child.sendall(b"x")
                threading.Event().wait(0.1)
        except OSError:
            return

    with pytest.raises(InputRefused) as caught:
        held(trickle, Limits(wall_s=1))
    assert caught.value.code is RefusalCode.DECODER_TIMED_OUT


def test_a_failure_says_where_and_nothing_else() -> None:
    said = b"KeyError in main:3 < <module>:1\nPatient Doe"
    with pytest.raises(AlarmRaised) as caught:
        held(lambda child: child.sendall(message(Kind.FAILED, said)))
    assert str(caught.value).endswith("KeyError in main:3 < <module>:1")


def test_output_is_limited() -> None:
    def say(child: socket.socket) -> None:
        wire = Wire(child)
        for _ in range(3):
            wire.send(Kind.WRITE, b"\0", b"12345")

    with pytest.raises(InputRefused) as caught:
        held(say, Limits(wall_s=30, output_bytes=14))
    assert caught.value.code is RefusalCode.OVER_LIMIT


def test_asking_for_ever_comes_to_an_end() -> None:
    class Slow(BytesSource):
        def read_at(self, offset: int, length: int) -> bytes:
            time.sleep(0.2)
            return super().read_at(offset, length)

    def ask(child: socket.socket) -> None:
        wire = Wire(child)
        try:
            while True:
                wire.send(Kind.READ, READ.pack(0, 1))
                wire.receive()
        except EOFError:
            return

    source = Slow(b"0123456789")
    with pytest.raises(StorageUnavailable):
        held(ask, Limits(wall_s=0.5), source)
    assert 3 <= len(source.reads) <= 6
