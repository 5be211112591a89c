"""One front: admits requests to a function as Cloud Run does, and passes them on.

https://cloud.google.com/run/docs/about-instance-autoscaling (queue, 429),
https://cloud.google.com/run/docs/troubleshooting (503, 504).
"""

import asyncio
import logging
from dataclasses import dataclass

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from cinestow_local.front.proxy import (
    CallerGone,
    RequestBody,
    outgoing,
    pass_back,
    target_client,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Front:
    """What stands before one function."""

    name: str
    target_url: str
    """Root of the function's server, such as ``http://127.0.0.1:8081``."""
    limit: int
    """Requests in flight at most: concurrency x instances."""
    timeout_s: float
    """From passing a request on to the last byte of its answer."""
    queue_s: float = 10.0
    """How long a request above the limit waits for another to end."""
    port: int = 0
    """Where it listens; 0 takes a free port."""


class FrontApp:
    """The ASGI application of a front."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._places = asyncio.Semaphore(front.limit)
        self._client = target_client()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as long as the caller is there."""
        body = RequestBody(receive)
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(body.watch_caller())
                refusal = await self._admit(scope, body, send)
                if refusal is not None:
                    _log.warning("%s: answered %d", self._front.name, refusal.status_code)
                    await refusal(scope, receive, send)
                watch.cancel()
        except* CallerGone:
            _log.info("%s: the caller is gone", self._front.name)

    async def _admit(self, scope: Scope, body: RequestBody, send: Send) -> PlainTextResponse | None:
        """Pass the request on as soon as the limit allows; what to answer if it cannot be."""
        try:
            async with asyncio.timeout(self._front.queue_s):
                await self._places.acquire()
        except TimeoutError:
            text = "The request was aborted because there was no available instance."
            return PlainTextResponse(text, 429)
        try:
            return await self._exchange(scope, body, send)
        finally:
            self._places.release()

    async def _exchange(
        self, scope: Scope, body: RequestBody, send: Send
    ) -> PlainTextResponse | None:
        """Pass the request on; what to answer if the function does not.

        An answer that breaks off, or takes too long, is broken off in the same way.
        """
        response = None
        try:
            async with asyncio.timeout(self._front.timeout_s):
                request = outgoing(self._front.target_url, scope, body)
                response = await self._client.send(request, stream=True)
                await pass_back(response, send)
        except TimeoutError:
            refusal = PlainTextResponse("The function did not answer within its time-out.", 504)
        except httpx.TransportError:
            refusal = PlainTextResponse("The function is down or broke the connection.", 503)
        else:
            return None
        finally:
            if response is not None:
                await response.aclose()
        return refusal if response is None else None
