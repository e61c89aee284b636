"""Turns of writers: in order among threads, one at a time among processes, and free when a process is killed."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from app.turns import HostLock

HOLDER = """
import sys, time
from pathlib import Path
from app.turns import HostLock
with HostLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_threads_get_their_turns_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    lock, order = HostLock(tmp_path / "turn"), list[int]()

    def work(number: int) -> None:
        with lock:
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    with lock:
        for waiting, thread in enumerate(threads):
            thread.start()
            while len(lock._threads._waiting) <= waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    lock.close()


def test_a_process_waits_for_another_and_gets_the_turn_when_that_is_killed(tmp_path: Path) -> None:
    path, got = tmp_path / "turn", threading.Event()
    lock = HostLock(path)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"

        def want() -> None:
            with lock:
                got.set()

        thread = threading.Thread(target=want)
        thread.start()
        assert not got.wait(0.1)
        other.kill()
        thread.join(20)
    assert got.is_set()
    lock.close()
