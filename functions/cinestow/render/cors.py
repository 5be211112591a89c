"""Cross-origin access (Fetch standard): viewers come from other origins than the renderer's.

Any origin may ask, since nothing here is authorised by a cookie: a page can only send a credential
that it already holds. Answers are the same for every origin and never allow credentials mode.
"""

from flask import Response

_PREFLIGHT_S = 3600
_ASKED = "Accept, Authorization, Content-Type, If-Match, If-None-Match, If-Range, Range"
_EXPOSED = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Location, Content-Range, ETag, "
    "Last-Modified, Retry-After, WWW-Authenticate, X-Total-Count"
)


def preflight(methods: str) -> Response:
    """The answer to OPTIONS, which is also how a browser asks beforehand."""
    return Response(
        status=204,
        headers={
            "Allow": methods,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": _ASKED,
            "Access-Control-Max-Age": str(_PREFLIGHT_S),
        },
    )


def allow(response: Response) -> Response:
    """Let pages of any origin read ``response`` and the fields that players need."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response
