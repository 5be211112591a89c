import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cinestow.render.turns import Turns


class Crowd:
    """How many were inside at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0

    def visit(self) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        time.sleep(0.02)
        with self._lock:
            self._inside -= 1


def test_one_name_one_at_a_time() -> None:
    turns, crowd = Turns(at_once=8, patience_s=10), Crowd()

    def work(_: int) -> None:
        with turns.of("name"):
            crowd.visit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert crowd.most == 1


def test_other_names_do_not_wait() -> None:
    turns, crowd = Turns(at_once=8, patience_s=10), Crowd()
    ready = threading.Barrier(4)

    def work(number: int) -> None:
        with turns.of(str(number)):
            ready.wait(10)
            crowd.visit()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert crowd.most > 1


def test_slots_bound_the_work() -> None:
    turns, crowd = Turns(at_once=2, patience_s=10), Crowd()

    def work(_: int) -> None:
        with turns.slot():
            crowd.visit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert crowd.most == 2


def test_a_failure_gives_the_turn_back_and_nothing_is_left_behind() -> None:
    turns = Turns(at_once=1, patience_s=10)
    for _ in range(2):
        with pytest.raises(RuntimeError), turns.of("name"), turns.slot():
            raise RuntimeError
    assert turns.names == 0
