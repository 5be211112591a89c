"""A server on the loopback that answers each connection by a script, byte for byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[[socket.socket], None]
"""What to do with one connection; it is closed when the script returns."""


@contextmanager
def scripted_server(*scripts: Script) -> Iterator[str]:
    """Its URL. The n-th connection meets the n-th script; further ones are not accepted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, scripts))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Wakes an accept() that nobody will connect to.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, scripts: tuple[Script, ...]) -> None:
    for script in scripts:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            script(connection)


def read_head(connection: socket.socket) -> bytes:
    """Head of a request, byte by byte so that nothing behind it is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    return head


def read_body(connection: socket.socket, head: bytes) -> bytes:
    """Body of a request with a Content-Length."""
    (length,) = (
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    body = bytearray()
    while len(body) < length:
        body += connection.recv(length - len(body))
    return bytes(body)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """A whole response."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body
