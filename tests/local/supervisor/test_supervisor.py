"""The supervisor obeys the pipeline file, tells where things are, and stops all it started."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from google.cloud import storage
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from cinestow.errors import AlarmRaised, ConfigurationError
from cinestow_local.endpoints import Endpoints, read_endpoints
from cinestow_local.supervisor import LocalCloud, local_cloud
from support.cloud import running_cloud

FUNCTIONS = Path(__file__).parent / "functions/main.py"


def eventually(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


def noted(notes: Path, function: str) -> list[dict[str, Any]]:
    """What reached a function so far."""
    path = notes / f"{function}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def bucket(endpoints: Endpoints, key: str) -> storage.Bucket:
    client = storage.Client(
        project=endpoints.project,
        client_options={"api_endpoint": endpoints.storage},
        use_auth_w_custom_endpoint=False,
    )
    return client.get_bucket(endpoints.buckets[key])


def publish(endpoints: Endpoints, topic: str, data: bytes) -> None:
    with grpc.insecure_channel(endpoints.pubsub) as channel:
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        publisher.publish(publisher.topic_path(endpoints.project, topic), data).result()


def pull(endpoints: Endpoints, subscription: str) -> list[bytes]:
    with grpc.insecure_channel(endpoints.pubsub) as channel:
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        path = subscriber.subscription_path(endpoints.project, subscription)
        pulled = subscriber.pull(subscription=path, max_messages=10, timeout=20)
        acknowledged = [message.ack_id for message in pulled.received_messages]
        if acknowledged:
            subscriber.acknowledge(subscription=path, ack_ids=acknowledged)
        return [message.message.data for message in pulled.received_messages]


def running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def family(pids: dict[str, int]) -> list[int]:
    """All processes of a cloud, grandchildren included."""
    children = (psutil.Process(pid).children(recursive=True) for pid in pids.values())
    return [*pids.values(), *(child.pid for group in children for child in group)]


def our_children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


class TestRunning:
    def test_an_upload_reaches_the_function(self, cloud: LocalCloud, notes: Path) -> None:
        blob = bucket(cloud.endpoints, "uploads").blob("one.webm")
        blob.upload_from_string(b"bytes")
        eventually(lambda: len(noted(notes, "taker")) == 1)
        message = noted(notes, "taker")[0]["message"]
        assert message["attributes"]["objectId"] == "one.webm"
        assert message["attributes"]["eventType"] == "OBJECT_FINALIZE"
        assert message["attributes"]["objectGeneration"] == str(blob.generation)
        assert "data" not in message

    def test_what_fails_is_delivered_again(self, cloud: LocalCloud, notes: Path) -> None:
        publish(cloud.endpoints, "second", b"try me")
        eventually(lambda: len(noted(notes, "flaky")) == 2)
        assert [request["deliveryAttempt"] for request in noted(notes, "flaky")] == [1, 2]

    def test_what_always_fails_becomes_a_dead_letter(self, cloud: LocalCloud, notes: Path) -> None:
        publish(cloud.endpoints, "third", b"poison")
        eventually(lambda: len(noted(notes, "broken")) == 5)
        letters: list[bytes] = []
        eventually(lambda: bool(letters.extend(pull(cloud.endpoints, "dead-letters")) or letters))
        assert letters == [b"poison"]
        assert len(noted(notes, "broken")) == 5

    def test_functions_get_their_environment(self, cloud: LocalCloud, notes: Path) -> None:
        seen = httpx.get(cloud.endpoints.functions["render"]).json()
        assert seen["NOTES"] == str(notes)
        assert seen["STORE"] == cloud.endpoints.dicomweb
        assert seen["BUCKET"] == cloud.endpoints.buckets["work"]
        assert seen["TOPIC"] == "second"
        assert len(bytes.fromhex(seen["KEY"])) == 32
        assert seen["STORAGE_EMULATOR_HOST"] == cloud.endpoints.storage
        assert seen["PUBSUB_EMULATOR_HOST"] == cloud.endpoints.pubsub
        assert seen["GOOGLE_CLOUD_PROJECT"] == cloud.endpoints.project
        assert seen["THREADS"] == "3"

    def test_the_bucket_is_as_described(self, cloud: LocalCloud) -> None:
        uploads, work = bucket(cloud.endpoints, "uploads"), bucket(cloud.endpoints, "work")
        assert uploads.versioning_enabled
        assert not work.versioning_enabled
        assert "PUT" in uploads.cors[0]["method"]
        assert len(list(uploads.list_notifications())) == 1
        assert not list(work.list_notifications())

    def test_the_store_answers(self, cloud: LocalCloud) -> None:
        assert httpx.get(f"{cloud.endpoints.dicomweb}/studies").json() == []

    def test_endpoints_are_published(self, cloud: LocalCloud) -> None:
        path = Path(cloud.endpoints.logs).parent / "endpoints.json"
        assert read_endpoints(path) == cloud.endpoints
        published = json.loads(path.read_bytes())
        assert published["upload"] is None
        assert published["viewer"] is None
        assert published["uploads_bucket"] == published["buckets"]["uploads"]
        # It holds the identity key.
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_every_process_has_a_log(self, cloud: LocalCloud) -> None:
        for process in cloud.watched:
            assert process.log.exists()
            assert cloud.endpoints.pids[process.name] == process.pid

    def test_the_memory_of_every_function_is_known(self, cloud: LocalCloud) -> None:
        eventually(lambda: min(cloud.peak_memory().values()) > 0)
        assert cloud.peak_memory().keys() == cloud.pipeline.functions.keys()
        for name, function in cloud.pipeline.functions.items():
            assert 15 < cloud.peak_memory()[name] < function.memory


class TestLife:
    def test_what_was_stored_is_found_by_the_next_run(
        self, small_pipeline: Path, notes: Path, tmp_path: Path
    ) -> None:
        state = tmp_path / "local"
        with running_cloud(tmp_path, small_pipeline, FUNCTIONS) as first:
            bucket(first.endpoints, "work").blob("kept").upload_from_string(b"for later")
            pids = family(first.endpoints.pids)
        assert not any(running(pid) for pid in pids)
        assert not (state / "endpoints.json").exists()
        assert json.loads((state / "memory.json").read_bytes()).keys() == set(
            first.pipeline.functions
        )
        before = len(noted(notes, "taker"))
        with running_cloud(tmp_path, small_pipeline, FUNCTIONS) as second:
            assert bucket(second.endpoints, "work").blob("kept").download_as_bytes() == b"for later"
            bucket(second.endpoints, "uploads").blob("two.webm").upload_from_string(b"bytes")
            eventually(lambda: len(noted(notes, "taker")) == before + 1)
        assert first.endpoints.environment["KEY"] == second.endpoints.environment["KEY"]

    def test_a_process_that_dies_is_reported(self, small_pipeline: Path, tmp_path: Path) -> None:
        with (
            pytest.raises(AlarmRaised, match="flaky ended by signal 9"),
            running_cloud(tmp_path, small_pipeline, FUNCTIONS) as cloud,
        ):
            pids = family(cloud.endpoints.pids)
            os.kill(cloud.endpoints.pids["flaky"], signal.SIGKILL)
            while True:
                cloud.check()
                time.sleep(0.05)
        assert not any(running(pid) for pid in pids)

    def test_functions_that_cannot_start_are_reported(
        self, small_pipeline: Path, tmp_path: Path
    ) -> None:
        source = tmp_path / "main.py"
        source.write_text("import no_such_module\n")
        before = our_children()
        with (
            pytest.raises(AlarmRaised, match=r"(?s)taker ended.*no_such_module"),
            running_cloud(tmp_path, small_pipeline, source),
        ):
            pass
        assert our_children() == before

    def test_a_folder_serves_one_cloud_at_a_time(
        self, cloud: LocalCloud, small_pipeline: Path
    ) -> None:
        state = Path(cloud.endpoints.logs).parent
        with (
            pytest.raises(ConfigurationError, match="in use by another local cloud"),
            local_cloud(state, pipeline_path=small_pipeline, functions_source=FUNCTIONS),
        ):
            pass
        assert read_endpoints(state / "endpoints.json") == cloud.endpoints


class TestCommand:
    """``python -m cinestow_local`` from outside, without the demonstration."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_stops_cleanly_when_asked(
        self, small_pipeline: Path, tmp_path: Path, number: signal.Signals
    ) -> None:
        with self.command(small_pipeline, tmp_path) as process:
            endpoints = self.ready(process, tmp_path)
            pids = family(endpoints.pids)
            process.send_signal(number)
            output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        assert not any(running(pid) for pid in pids)
        assert not (tmp_path / "endpoints.json").exists()

    def test_nothing_is_left_when_it_is_killed(self, small_pipeline: Path, tmp_path: Path) -> None:
        with self.command(small_pipeline, tmp_path) as process:
            endpoints = self.ready(process, tmp_path)
            pids = family(endpoints.pids)
            assert len(pids) > len(endpoints.pids)
            process.kill()
            process.communicate(timeout=30)
        eventually(lambda: not any(running(pid) for pid in pids))

    def test_a_process_that_dies_ends_the_run(self, small_pipeline: Path, tmp_path: Path) -> None:
        with self.command(small_pipeline, tmp_path) as process:
            endpoints = self.ready(process, tmp_path)
            pids = family(endpoints.pids)
            os.kill(endpoints.pids["storage"], signal.SIGKILL)
            output, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "storage ended by signal 9" in output
        assert "Traceback" not in output
        assert not any(running(pid) for pid in pids)

    @staticmethod
    def command(pipeline: Path, state: Path) -> subprocess.Popen[str]:
        options = ["--pipeline", str(pipeline), "--functions", str(FUNCTIONS), "--no-demo"]
        return subprocess.Popen(
            [sys.executable, "-m", "cinestow_local", "--state-dir", str(state), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @staticmethod
    def ready(process: subprocess.Popen[str], state: Path) -> Endpoints:
        path = state / "endpoints.json"
        eventually(lambda: path.exists() or process.poll() is not None, 60)
        return read_endpoints(path)
