"""The filter language."""

import pytest

from cinestow_local.pubsub.filters import parse_filter
from cinestow_local.pubsub.status import RpcError

ATTRIBUTES = {"eventType": "OBJECT_FINALIZE", "bucket": "uploads", "a b": 'x"y', "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("attributes:bucket", True),
        ("attributes:nothing", False),
        ("attributes:empty", True),
        ('attributes.eventType = "OBJECT_FINALIZE"', True),
        ('attributes.eventType="OBJECT_DELETE"', False),
        ('attributes.eventType != "OBJECT_DELETE"', True),
        ('attributes."a b" = "x\\"y"', True),
        ('hasPrefix(attributes.bucket, "up")', True),
        ('hasPrefix(attributes.bucket, "down")', False),
        ('hasPrefix(attributes.nothing, "")', False),
        ("NOT attributes:bucket", False),
        ("-attributes:nothing", True),
        ('attributes:bucket AND attributes.bucket = "uploads"', True),
        ("attributes:bucket AND attributes:nothing", False),
        ("attributes:nothing OR attributes:bucket", True),
        ("attributes:nothing OR (attributes:bucket AND NOT attributes:empty)", False),
        ("NOT (attributes:nothing OR attributes:nobody)", True),
    ],
)
def test_matches(text: str, matches: bool) -> None:
    assert parse_filter(text)(ATTRIBUTES) is matches


@pytest.mark.parametrize(
    "text",
    [
        "attributes",
        "attributes.a",
        "attributes.a = b",
        'attributes.a ~ "b"',
        'attributes.a = "b',
        'attributes.a = "\\x"',
        "(attributes:a",
        "attributes:a)",
        "attributes:a AND",
        "attributes:a attributes:b",
        "attributes:a AND attributes:b OR attributes:c",
        "data:a",
        "attributes:" + "a" * 250,
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(RpcError, match="filter"):
        parse_filter(text)
