"""Children are watched, stopped as whole groups, and never outlive the supervisor."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from cinestow.errors import AlarmRaised
from cinestow_local.processes import STOP_GRACE_S, check, guarded, start, stop, wait_for

WITH_GRANDCHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready 1", flush=True)
time.sleep(600)
"""


def gone(pid: int, within_s: float = 10.0) -> bool:
    """Whether a process ends in time; a zombie has ended."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_output_goes_to_the_log_and_readiness_is_read_from_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITH_GRANDCHILD]
    with guarded(tmp_path) as guard:
        child = start(guard, "worker", command, tmp_path, {})
        grandchild = int(wait_for(child, r"^ready (\d+)$", 10))
        assert child.log == tmp_path / "worker.log"
        assert psutil.pid_exists(grandchild)
        stop(guard, [child])
        assert gone(child.pid)
        assert gone(grandchild)


def test_a_child_that_ignores_the_request_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    with guarded(tmp_path) as guard:
        child = start(guard, "stubborn", [sys.executable, "-c", STUBBORN], tmp_path, {})
        wait_for(child, r"^ready (1)$", 10)
        begun = time.monotonic()
        stop(guard, [child])
        assert STOP_GRACE_S <= time.monotonic() - begun < STOP_GRACE_S + 2
        assert gone(child.pid)


def test_a_child_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    program = "import sys; print('no tape in the drive'); sys.exit(7)"
    with guarded(tmp_path) as guard:
        child = start(guard, "recorder", [sys.executable, "-c", program], tmp_path, {})
        with pytest.raises(
            AlarmRaised, match=r"(?s)recorder ended with exit code 7.*no tape in the drive"
        ):
            wait_for(child, r"^(ready)$", 10)
        stop(guard, [child])


def test_a_child_that_is_killed_is_reported(tmp_path: Path) -> None:
    with guarded(tmp_path) as guard:
        child = start(guard, "sleeper", ["sleep", "600"], tmp_path, {})
        check(child)
        os.kill(child.pid, signal.SIGKILL)
        assert gone(child.pid)
        with pytest.raises(AlarmRaised, match="sleeper ended by signal 9"):
            check(child)
        stop(guard, [child])


def test_a_child_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    with guarded(tmp_path) as guard:
        child = start(guard, "sleeper", ["sleep", "600"], tmp_path, {})
        with pytest.raises(AlarmRaised, match="sleeper was not ready within 0 s"):
            wait_for(child, r"^(ready)$", 0.3)
        stop(guard, [child])


def test_children_inherit_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/somewhere/key.json")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    with guarded(tmp_path) as guard:
        child = start(guard, "env", ["env"], tmp_path, {"OWN": "1"})
        assert gone(child.pid)
        names = {line.partition("=")[0] for line in child.log.read_text().splitlines()}
        stop(guard, [child])
    assert "OWN" in names
    assert "PATH" in names
    assert not {"GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY"} & names


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text(
        textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from cinestow_local.processes import guarded, start, wait_for

        logs = Path({str(tmp_path)!r})
        with guarded(logs) as guard:
            one = start(guard, "one", [sys.executable, "-c", {WITH_GRANDCHILD!r}], logs, {{}})
            two = start(guard, "two", [sys.executable, "-c", {STUBBORN!r}], logs, {{}})
            grandchild = wait_for(one, r"^ready (\\d+)$", 10)
            wait_for(two, r"^ready (1)$", 10)
            print(guard.pid, one.pid, two.pid, grandchild, flush=True)
            time.sleep(600)
        """)
    )
    with subprocess.Popen(
        [sys.executable, str(supervisor)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 4
        assert all(psutil.pid_exists(pid) for pid in pids)
        process.kill()
    assert all(gone(pid) for pid in pids)
