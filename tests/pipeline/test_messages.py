import json

import pytest

from cinestow.pipeline.messages import (
    InstanceStored,
    MalformedMessage,
    SegmentRequested,
    decode,
    encode,
)

UPLOAD = "0123456789abcdef" * 2


def test_what_is_encoded_is_decoded() -> None:
    message = SegmentRequested(UPLOAD, "video-00007")
    assert decode(encode(message), SegmentRequested) == message


def test_the_schema_names_message_and_version() -> None:
    assert json.loads(encode(InstanceStored(UPLOAD)))["schema"] == "cinestow.InstanceStored/1.0"


def test_unknown_minor_versions_and_fields_pass() -> None:
    body = {"schema": "cinestow.InstanceStored/1.9", "upload_id": UPLOAD, "new": [1]}
    assert decode(json.dumps(body).encode(), InstanceStored) == InstanceStored(UPLOAD)


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"{}",
        b"[]",
        json.dumps({"schema": "cinestow.InstanceStored/2.0", "upload_id": UPLOAD}).encode(),
        json.dumps({"schema": "cinestow.InstanceStaged/1.0", "upload_id": UPLOAD}).encode(),
        json.dumps({"schema": "cinestow.InstanceStored/1.0", "upload_id": "../x"}).encode(),
        json.dumps({"schema": "cinestow.InstanceStored/1.0"}).encode(),
    ],
)
def test_what_is_none_of_ours_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage, match="InstanceStored"):
        decode(body, InstanceStored)


def test_a_part_is_a_video_segment_or_the_sound() -> None:
    with pytest.raises(ValueError, match="part"):
        SegmentRequested(UPLOAD, "../../etc")
