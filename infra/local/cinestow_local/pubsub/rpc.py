"""From gRPC to methods and back: message types, error statuses, pages of lists."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import grpc

from cinestow_local.pubsub.status import RpcError

MAX_PAGE = 100


def unary(call: Callable[[Any], Awaitable[Any]], request: Any, reply: Any = None) -> Any:
    """The handler of a call with one request and one reply of those types (None: Empty)."""
    writer = _nothing if reply is None else reply.serialize

    async def handle(message: Any, context: Any) -> Any:
        try:
            return await call(message)
        except RpcError as error:
            await context.abort(error.code, error.message)

    return grpc.unary_unary_rpc_method_handler(handle, request.deserialize, writer)


def streaming(call: Callable[[Any], AsyncIterator[Any]], request: Any, reply: Any) -> Any:
    """The handler of a call with a stream of requests and a stream of replies."""

    async def handle(messages: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for message in call(aiter(messages)):
                yield message
        except RpcError as error:
            await context.abort(error.code, error.message)

    return grpc.stream_stream_rpc_method_handler(handle, request.deserialize, reply.serialize)


def page(names: Iterable[str], size: int, after: str) -> tuple[list[str], str]:
    """The names that follow ``after``, at most ``size`` of them, and the token of the next page."""
    left = sorted(name for name in names if name > after)
    length = min(size, MAX_PAGE) if size > 0 else MAX_PAGE
    return left[:length], left[length - 1] if len(left) > length else ""


def _nothing(_: None) -> bytes:
    """google.protobuf.Empty."""
    return b""
