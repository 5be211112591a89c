"""The platform in front of a function: what passes through, and what it answers by itself."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from cinestow_local.front.app import Front
from support.front import Fronts, front_process
from support.front_function import VIDEO, Function

MIB = 1 << 20


@pytest.fixture
def fronts(function: Function, tmp_path: Path) -> Iterator[Fronts]:
    """Fronts with different limits before the same function, in one process."""
    different = [
        Front("wide", function.url, limit=8, timeout_s=60),
        Front("narrow", function.url, limit=1, timeout_s=60, queue_s=0.6),
        Front("patient", function.url, limit=2, timeout_s=60, queue_s=20),
        Front("hasty", function.url, limit=8, timeout_s=0.5),
        Front("down", f"http://127.0.0.1:{_closed_port()}", limit=8, timeout_s=60),
    ]
    with front_process(different, tmp_path / "fronts.json") as running:
        yield running


@pytest.fixture
def caller() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _until(condition: object) -> None:
    """Wait until ``condition()`` holds."""
    assert callable(condition)
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen in 10 s"
        time.sleep(0.01)


def test_request_and_answer_pass_through_as_they_are(fronts: Fronts, caller: httpx.Client) -> None:
    sent = {
        "host": "render.example",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
    }
    hop_by_hop = {"connection": "close, x-hop", "x-hop": "1", "te": "trailers"}
    answer = caller.request(
        "PUT", f"{fronts.urls['wide']}/a%2Fb/c%20d|?x=1&y=%25", content=b"body",
        headers=sent | hop_by_hop | {"accept-encoding": "identity"},
    )  # fmt: skip
    seen = answer.json()
    assert seen["method"] == "PUT"
    assert (seen["target"], seen["query"]) == ("/a%2Fb/c%20d|", "x=1&y=%25")
    assert seen["body"] == "body"
    headers = dict(seen["headers"])
    assert headers["host"] == "render.example"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["content-length"] == "4"
    assert headers["accept-encoding"] == "identity"
    assert not {"x-hop", "te", "connection"} & set(headers)
    assert [value for name, value in seen["headers"] if name == "x-forwarded-for"] == [
        "203.0.113.9",
        "127.0.0.1",
    ]
    assert answer.status_code == 201
    assert answer.headers["x-function"] == "echo"
    assert not {"keep-alive", "x-private"} & set(answer.headers)
    assert len(answer.headers.get_list("date")) == 1


def test_every_method_and_an_absent_body_pass(fronts: Fronts, caller: httpx.Client) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        seen = caller.request(method, f"{fronts.urls['wide']}/m").json()
        assert (seen["method"], seen["body"]) == (method, "")
    head = caller.head(f"{fronts.urls['wide']}/m")
    assert (head.status_code, head.content) == (201, b"")


def test_range_is_answered_206(fronts: Fronts, caller: httpx.Client) -> None:
    answer = caller.get(f"{fronts.urls['wide']}/video", headers={"range": "bytes=1000-70999"})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes 1000-70999/{len(VIDEO)}"
    assert answer.content == VIDEO[1000:71000]


def test_answer_streams(fronts: Fronts, function: Function, caller: httpx.Client) -> None:
    with caller.stream("GET", f"{fronts.urls['wide']}/stream") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"first"
        function.gate.set()
        assert b"".join(pieces) == b"second"


def test_request_streams(fronts: Fronts, function: Function, caller: httpx.Client) -> None:
    def body() -> Iterator[bytes]:
        yield b"x" * MIB
        assert function.first_piece.wait(10), "the function sees nothing before the body's end"
        yield b"y" * MIB

    assert caller.post(f"{fronts.urls['wide']}/upload", content=body()).json() == {"size": 2 * MIB}


def test_length_does_not_fill_memory(fronts: Fronts, caller: httpx.Client) -> None:
    before = psutil.Process(fronts.pid).memory_info().rss
    with caller.stream("GET", f"{fronts.urls['wide']}/large") as answer:
        pieces = answer.iter_raw(MIB)
        next(pieces)
        time.sleep(0.5)  # a caller that is slow: nothing may pile up
        during = psutil.Process(fronts.pid).memory_info().rss
        assert sum(map(len, pieces)) == 199 * MIB
    assert answer.headers["content-length"] == str(200 * MIB)
    after = psutil.Process(fronts.pid).memory_info().rss
    assert max(during, after) - before < 30 * MIB


def test_above_the_limit_429_after_the_queue_time(
    fronts: Fronts, function: Function, caller: httpx.Client
) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(caller.get, f"{fronts.urls['narrow']}/hold")
        _until(lambda: function.in_flight == 1)
        start = time.monotonic()
        second = caller.get(f"{fronts.urls['narrow']}/hold")
        assert second.status_code == 429
        assert "no available instance" in second.text
        assert 0.5 < time.monotonic() - start < 3
        function.gate.set()
        assert first.result().content == b"held"
    assert caller.get(f"{fronts.urls['narrow']}/hold").status_code == 200


def test_requests_queue_for_a_place(
    fronts: Fronts, function: Function, caller: httpx.Client
) -> None:
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(caller.get, f"{fronts.urls['patient']}/hold") for _ in range(5)]
        _until(lambda: function.in_flight == 2)
        time.sleep(0.3)
        function.gate.set()
        assert [answer.result().status_code for answer in answers] == [200] * 5
    assert function.most_in_flight == 2


def test_504_when_the_function_takes_too_long(
    fronts: Fronts, function: Function, caller: httpx.Client
) -> None:
    assert caller.get(f"{fronts.urls['hasty']}/hold").status_code == 504
    with (
        pytest.raises(httpx.RemoteProtocolError),
        caller.stream("GET", f"{fronts.urls['hasty']}/stream") as answer,
    ):
        assert answer.status_code == 200
        answer.read()
    _until(function.abandoned.is_set)


def test_503_when_the_function_is_down(fronts: Fronts, caller: httpx.Client) -> None:
    assert caller.get(f"{fronts.urls['down']}/").status_code == 503
    assert caller.post(f"{fronts.urls['down']}/", content=b"x" * MIB).status_code == 503


def test_503_when_the_function_breaks_the_connection(tmp_path: Path, caller: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        target = f"http://127.0.0.1:{listening.getsockname()[1]}"
        front = Front("broken", target, limit=1, timeout_s=60)
        with front_process([front], tmp_path / "f.json") as running, ThreadPoolExecutor() as pool:
            answer = pool.submit(caller.get, f"{running.urls['broken']}/")
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.close()
            assert answer.result().status_code == 503


def test_a_caller_who_leaves_frees_the_place(
    fronts: Fronts, function: Function, caller: httpx.Client
) -> None:
    with caller.stream("GET", f"{fronts.urls['narrow']}/stream") as answer:
        assert next(answer.iter_raw()) == b"first"
    _until(function.abandoned.is_set)
    assert caller.get(f"{fronts.urls['narrow']}/echo").status_code == 201


def test_a_caller_who_leaves_in_the_body_is_passed_on(fronts: Fronts, function: Function) -> None:
    host, port = fronts.urls["narrow"].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        assert function.first_piece.wait(10)
    _until(function.abandoned.is_set)


def test_faults_are_injected(fronts: Fronts, caller: httpx.Client) -> None:
    fault = {"match": "POST /echo", "count": 1, "fault": "503"}
    assert caller.post(f"{fronts.urls['wide']}/_faults", json=fault).status_code == 200
    url = f"{fronts.urls['wide']}/echo"
    assert [caller.post(url).status_code for _ in range(2)] == [503, 201]
    lost = {"match": "POST /echo", "count": 1, "fault": "lost-reply"}
    caller.post(f"{fronts.urls['wide']}/_faults", json=lost)
    with pytest.raises(httpx.TransportError):
        caller.post(url)
    assert caller.post(url).status_code == 201


def test_a_stop_ends_what_is_in_flight(
    function: Function, tmp_path: Path, caller: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    front = Front("only", function.url, limit=8, timeout_s=60)
    with ThreadPoolExecutor() as pool:
        with front_process([front], tmp_path / "f.json") as running:
            held = pool.submit(caller.get, f"{running.urls['only']}/hold")
            _until(lambda: function.in_flight == 1)
            start = time.monotonic()
        assert time.monotonic() - start < 5
        assert held.result().status_code == 500
    assert "Traceback" not in capfd.readouterr().err
