"""The whole system as an operator sees it: started, killed in parts and whole, stopped, and nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from app.listening import listening
from app.processes import LOG_LIMIT_BYTES, Child, last_lines, rotate, say
from app.settings import Settings
from app.supervisor import environment

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the supervisor needs Unix"),
    pytest.mark.xdist_group("supervisor"),  # one whole system at a time is enough for two cores
]
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
PATIENCE = 60.0
ROOT = Path(__file__).parents[1]


class Running:
    """A system that was started by its command, and what /proc tells of it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.output = (folder / "output.txt").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up", "--port", "0", "--data-dir", str(folder), *options],
            cwd=ROOT,
            env=plain_environment(),
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def told(self) -> str:
        return (self.folder / "output.txt").read_text()

    def address(self) -> tuple[str, int]:
        wait_until(lambda: "Ctrl-C" in self.told() or self.process.poll() is not None, self.told)
        found = re.search(r"http://([\d.]+):(\d+)", self.told())
        assert found, self.told()
        return found[1], int(found[2])

    def is_answering(self) -> bool:
        connection = HTTPConnection(*self.address(), timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def children(self) -> dict[str, int]:
        """Name and process id of every child."""
        marks = {"broker": "valkey-server", "web": "app.cli web", "rounds": "-Q rounds", "encoding": "-Q encoding"}
        marks["beat"] = "beat --scheduler"
        found = {}
        for pid, parent, command in processes():
            if parent == self.process.pid:
                found.update({name: pid for name, mark in marks.items() if mark in command})
        return found

    def all(self) -> list[int]:
        return [self.process.pid, *self.children().values()]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.output.close()


def plain_environment() -> dict[str, str]:
    ours = ("MARGINALIA_", "DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def processes() -> Iterator[tuple[int, int, str]]:
    """(process, parent, command line) of everything that lives."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            if state != "Z":
                yield int(entry.name), int(parent), command


def living(pids: list[int]) -> list[int]:
    return [pid for pid, _, _ in processes() if pid in pids]


def wait_until(is_so: Callable[[], bool], tell: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def one(*options: str, folder: Path = tmp_path / "data") -> Running:
        started.append(Running(folder, *options))
        return started[-1]

    yield one
    for each in started:
        each.end()


@needs_proc
@pytest.mark.faults
def test_whatever_child_is_killed_comes_back_and_ctrl_c_leaves_no_process(start: Callable[..., Running]) -> None:
    system = start()
    assert system.is_answering()
    before = system.children()
    assert set(before) == {"broker", "web", "rounds", "encoding", "beat"}
    for name, pid in before.items():
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda name=name, pid=pid: system.children().get(name, pid) != pid, system.told)
    wait_until(system.is_answering)
    everything = system.all()
    os.killpg(system.process.pid, signal.SIGINT)  # as a terminal sends it: to the whole foreground group
    assert system.process.wait(PATIENCE) == 0
    assert living(everything) == []
    assert not (system.folder / "valkey.sock").exists()
    assert system.told().endswith("Stopped.\n")


@needs_proc
@pytest.mark.faults
def test_children_die_with_a_killed_parent_and_the_next_start_finds_its_way(start: Callable[..., Running]) -> None:
    first = start()
    first.address()
    everything = first.all()
    assert len(everything) == 6
    first.process.kill()
    first.process.wait()
    wait_until(lambda: not living(everything))
    second = start()
    assert second.is_answering()
    assert len(second.all()) == 6


@needs_proc
@pytest.mark.faults
def test_one_data_directory_carries_one_system_and_0_workers_means_web_only(start: Callable[..., Running]) -> None:
    first = start("--workers", "0")
    first.address()
    second = subprocess.run(
        [sys.executable, "-m", "app.cli", "up", "--port", "0", "--data-dir", str(first.folder)],
        cwd=ROOT,
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert second.returncode == 1
    assert "already" in second.stderr
    assert "Traceback" not in second.stderr
    assert set(first.children()) == {"broker", "web"}
    assert first.is_answering()


@needs_proc
@pytest.mark.faults
def test_a_deep_data_directory_works_with_several_web_processes(start: Callable[..., Running], tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a folder with a long name"] * 5)
    assert len(str(deep / "valkey.sock")) > 107
    system = start("--web-processes", "2", "--workers", "0", folder=deep)
    assert system.is_answering()
    webs = [pid for pid, parent, command in processes() if parent == system.process.pid and "app.cli web" in command]
    assert len(webs) == 2
    os.kill(webs[0], signal.SIGKILL)
    assert system.is_answering()  # the other one answers, or the socket holds the request until somebody does
    system.process.send_signal(signal.SIGTERM)
    assert system.process.wait(PATIENCE) == 0
    assert living(webs) == []


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "up", "--port", taken, "--data-dir", str(tmp_path)],
            cwd=ROOT,
            env=plain_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 1
    assert taken in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the supervisor needs Unix")
def test_children_are_told_everything_that_was_set_wherever_it_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    settings = Settings(data_dir=Path("here"), database_url="sqlite:///there.db", redis_prefix="mine", workers=3)
    made = environment(settings)
    assert made["MARGINALIA_DATA_DIR"] == "/here"
    assert made["MARGINALIA_DATABASE_URL"] == "sqlite:////there.db"
    assert made["MARGINALIA_REDIS_PREFIX"] == "mine"
    assert made["MARGINALIA_WORKERS"] == "3"
    assert "MARGINALIA_HOST" not in made


def test_a_child_that_keeps_ending_waits_longer_each_time_up_to_a_limit() -> None:
    child = Child("one", ["true"], 0)
    waits = []
    for _ in range(9):
        child.note_end(now=1.0)
        waits.append(child.due - 1.0)
    assert waits[0] == 0
    assert waits[1:] == sorted(waits[1:])
    assert waits[-1] == 5
    child.started = 0.0
    child.note_end(now=1000.0)  # after a steady run all is forgotten
    assert child.due == 1000.0


def test_a_log_beyond_its_limit_moves_aside_and_keeps_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab") as writer:
        writer.write(b"x" * LOG_LIMIT_BYTES + b"\nlast\n")
        writer.flush()
        rotate(log)
        writer.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert last_lines(tmp_path / "web.log.1", 1) == "last"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no file that is always full")
def test_what_cannot_be_told_for_want_of_room_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor whose output went to a full disk ended, and took the whole system with it."""
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123  # no plain file
        monkeypatch.setattr(sys, "stdout", full)
        say("rounds-1 keeps ending")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()


def test_a_host_that_is_none_of_ours_is_refused_by_name() -> None:
    with pytest.raises(Exception, match=r"192\.0\.2\.1"), listening("192.0.2.1", 0):
        pass
