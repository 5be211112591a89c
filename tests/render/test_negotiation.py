import pytest
from werkzeug.exceptions import BadRequest

from cinestow.render.negotiation import selected
from cinestow.render.renditions import OFFERS

WEBM, MP4 = "video/webm", "video/mp4"

ACCEPT = [
    (None, WEBM),
    ("*/*", WEBM),
    ("video/*", WEBM),
    ("video/webm", WEBM),
    ("video/mp4", MP4),
    ("VIDEO/MP4", MP4),
    ("video/mp4, video/webm", WEBM),
    ("video/webm;q=0.5, video/mp4", MP4),
    ("video/webm;q=0.5, video/mp4;q=0.4", WEBM),
    ("video/webm;q=0.500, video/mp4;q=0.501", MP4),
    ("*/*;q=0.1, video/mp4", MP4),
    ("*/*, video/webm;q=0", MP4),
    ("video/*;q=0.9, video/webm;q=0.1", MP4),
    ("video/mp4;q=0, video/*", WEBM),
    ("*/*;q=0", None),
    ("video/webm;q=0", None),
    ("image/jpeg", None),
    ("image/jpeg, */*;q=0.1", WEBM),
    ("application/dicom", None),
    ('multipart/related; type="video/webm"', None),
    ("", None),
    ("nonsense", None),
    ("nonsense, video/mp4", MP4),
    ("*/mp4", None),
    ("video/mp4;q=2", None),
    ("video/mp4;q=abc", None),
    ("video/mp4;q=1.000", MP4),
    ("video/mp4;q=0.0001", None),
    ("video/webm,video/ogg,video/*;q=0.9,application/ogg;q=0.7,audio/*;q=0.6,*/*;q=0.5", WEBM),
    ('video/webm; codecs="vp9, opus"', WEBM),
    ('video/webm; codecs="vp09.00.10.08"', WEBM),
    ('video/webm; codecs="vp8"', None),
    ('video/webm; codecs="av01.0.04M.08"', None),
    ('video/webm; codecs="vp8", video/mp4;q=0.1', MP4),
    ('video/mp4; codecs="avc1.640029, mp4a.40.2"', MP4),
    ('video/mp4; codecs="hvc1"', None),
    ('video/webm;codecs="vp9";q=0.2, video/webm;q=0.9, video/mp4;q=0.5', MP4),
]


@pytest.mark.parametrize(("field", "expected"), ACCEPT)
def test_accept_field(field: str | None, expected: str | None) -> None:
    offer = selected(None, field, OFFERS)
    assert (offer and offer.media_type) == expected


PARAMETER = [
    ("video/mp4", "*/*", MP4),
    ("video/mp4", None, MP4),
    ("video/webm;q=0.1,video/mp4;q=0.2", "*/*", MP4),
    # What the parameter names is not offered: the field decides.
    ("image/jpeg", "video/mp4", MP4),
    ("image/jpeg", "image/jpeg", None),
    # The parameter goes before the field, whatever the field likes.
    ("video/mp4", "video/webm", MP4),
]


@pytest.mark.parametrize(("parameter", "field", "expected"), PARAMETER)
def test_accept_parameter_goes_first(
    parameter: str, field: str | None, expected: str | None
) -> None:
    offer = selected(parameter, field, OFFERS)
    assert (offer and offer.media_type) == expected


@pytest.mark.parametrize("parameter", ["*/*", "video/*", "mp4", "video/mp4, nonsense", "a/b/c"])
def test_a_malformed_accept_parameter_is_a_bad_request(parameter: str) -> None:
    with pytest.raises(BadRequest):
        selected(parameter, "*/*", OFFERS)
