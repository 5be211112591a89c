"""A DICOMweb service: where it is, how to authorise, and what its refusals mean to us."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import httpx

from cinestow.errors import CinestowError, ConfigurationError, StoreUnavailable

Authorization = Callable[[], Mapping[str, str]]
"""Called for every request: the headers that authorise it."""

TIMEOUT = httpx.Timeout(connect=10.0, write=60.0, read=300.0, pool=10.0)
"""Seconds. ``read`` includes what a store needs to file a long recording after its last byte."""

LIMITS = httpx.Limits(keepalive_expiry=0.5)
"""Orthanc drops idle connections after 1 s: one that dies under a long upload costs all of it."""

PASSING = frozenset(
    {
        httpx.codes.REQUEST_TIMEOUT,
        httpx.codes.TOO_EARLY,
        httpx.codes.TOO_MANY_REQUESTS,
    }
)
"""Status codes below 500 that a later attempt may not meet again (RFC 9110, 8470, 6585)."""


def anonymous() -> Mapping[str, str]:
    """No authorisation at all, for a store on the loopback."""
    return {}


class DicomWeb:
    """One DICOMweb service (PS3.18) and the connections to it.

    ``http`` brings time-outs and transport of the caller's own and stays the caller's to close.
    Nothing here repeats a request: Pub/Sub delivers the message again, with a back-off that spans
    the store's outages, and a second attempt inside the function's time limit would rarely fit.
    ``ConfigurationError``: ``root_url`` is not an http(s) URL.
    """

    def __init__(
        self,
        root_url: str,
        authorization: Authorization = anonymous,
        http: httpx.Client | None = None,
    ) -> None:
        if not root_url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"The DICOMweb root is {root_url!r}; expected a URL that starts with "
                "http:// or https://. Correct CINESTOW_DICOMWEB_ROOT."
            )
        self.root_url = root_url.rstrip("/")
        self.authorization = authorization
        self.http = http or httpx.Client(timeout=TIMEOUT, limits=LIMITS, follow_redirects=False)
        self._owns_http = http is None

    def study_url(self, study: str) -> str:
        """Where instances of that study are stored (PS3.18 10.5)."""
        return f"{self.root_url}/studies/{study}"

    def instance_url(self, study: str, series: str, instance: str) -> str:
        """Where that instance is retrieved (PS3.18 10.4)."""
        return f"{self.study_url(study)}/series/{series}/instances/{instance}"

    def close(self) -> None:
        """End the connections, unless ``http`` is the caller's."""
        if self._owns_http:
            self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def failure(status: int, doing: str) -> CinestowError:
    """The exception to raise for a status that is not the success of ``doing``."""
    said = f"{doing}: the DICOMweb store answered HTTP {status}"
    if 400 <= status < 500 and status not in PASSING:
        return ConfigurationError(
            f"{said}. Check the DICOMweb root and that this identity may use the store."
        )
    if 300 <= status < 400:
        return ConfigurationError(f"{said}. Set the DICOMweb root to where it redirects.")
    return StoreUnavailable(said)


def bounded_body(response: httpx.Response, most: int, doing: str) -> bytes:
    """The whole body of a streamed answer; ``StoreUnavailable`` if it has over ``most`` bytes."""
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > most:
            raise StoreUnavailable(f"{doing}: the answer is longer than {most} bytes")
    return bytes(body)


@contextmanager
def connection_errors(doing: str) -> Iterator[None]:
    """Turn httpx's errors (connecting, time-outs, cut answers) into ``StoreUnavailable``."""
    try:
        yield
    except httpx.RequestError as error:
        raise StoreUnavailable(f"{doing}: {type(error).__name__}: {error}") from error
