"""JSON API: several metadata calls in one request (Batch requests)."""

import uuid
from email.message import MIMEPart
from email.parser import BytesParser
from email.policy import HTTP

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cinestow_local.storage.wire import base_url, small_body

MOST_CALLS = 100
LONGEST_BATCH = 10 << 20


async def batch(request: Request) -> Response:
    """Do the calls one after the other; each has its own status."""
    body = await small_body(request, LONGEST_BATCH)
    header = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(header + body)
    parts = list(message.iter_parts())
    if not message.is_multipart() or len(parts) > MOST_CALLS:
        raise HTTPException(400, f"A batch is multipart/mixed and has at most {MOST_CALLS} calls.")
    transport = httpx.ASGITransport(request.app)
    async with httpx.AsyncClient(transport=transport, base_url=base_url(request)) as client:
        answers = [await _call(client, part) for part in parts]
    boundary = f"batch_{uuid.uuid4().hex}"
    content = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), answer) for answer in answers)
    return Response(
        content + f"--{boundary}--\r\n".encode(),
        media_type=f"multipart/mixed; boundary={boundary}",
    )


async def _call(client: httpx.AsyncClient, part: MIMEPart) -> bytes:
    head, _, rest = bytes(part.get_payload(decode=True)).partition(b"\n")
    inner = BytesParser(policy=HTTP).parsebytes(rest)
    try:
        method, target, _ = head.decode("ascii").split(maxsplit=2)
    except ValueError as error:
        raise HTTPException(400, "A part of the batch is not an HTTP request.") from error
    # The body's length is counted anew: mail tools may have changed its line ends.
    headers = {name: value for name, value in inner.items() if name.lower() != "content-length"}
    content = bytes(inner.get_payload(decode=True) or b"")
    answer = await client.request(method, target, headers=headers, content=content)
    status = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    content_id = str(part.get("content-id", "")).replace("<", "<response-", 1)
    outer = f"Content-Type: application/http\r\nContent-ID: {content_id}\r\n\r\n"
    return (outer + status + lines + "\r\n").encode() + answer.content
