"""Starting, watching and stopping the whole system: broker, web, workers and beat as children of one process."""

import fcntl
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from pydantic import SecretStr

from app import broker, metrics
from app.errors import Conflict, Unavailable
from app.listening import address, is_healthy, listening
from app.processes import Child, last_lines, rotate, say
from app.settings import Settings

WEB, BEAT, WORKERS, BROKER = range(4)  # the order of stopping: nobody asks, nobody reminds, nobody works
READY_SECONDS = 120.0
HOPELESS = 4  # ends in a row, with longer and longer pauses
ROTATE_SECONDS = 60.0


class Supervisor:
    """Runs the system that the settings describe, until a signal says otherwise.

    `prepare` is called once the broker answers and before anything else starts (migrations); `ready` once the web
    server answers, with its address.
    """

    def __init__(
        self,
        settings: Settings,
        prepare: Callable[[], None],
        ready: Callable[[str], None],
        verbose: bool = False,
        reload: bool = False,
    ) -> None:
        self.settings = settings
        self.prepare, self.ready = prepare, ready
        self.verbose, self.reload = verbose, reload
        self.folder = settings.data_dir.absolute()
        self.children: list[Child] = []
        self.environment = environment(settings)
        self.asked = 0  # signals to stop, so far
        self.is_starting = True
        self.rotated = time.monotonic()

    def run(self) -> None:
        """Start, watch, stop. Raises Conflict or Unavailable where the system cannot start."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what people uploaded, and keys
        (self.folder / "logs").mkdir(exist_ok=True)
        with (
            only_one(self.folder),
            self._counting(),
            self._signals(),
            listening(self.settings.host, self.settings.port) as listener,
        ):
            try:
                self._start(listener)
                self.is_starting = False
                while not self.asked:
                    self._sleep(self._tend())
            except KeyboardInterrupt:
                pass  # asked to stop before everything was up
            finally:
                self.is_starting = False
                self._stop()

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """A folder in which the web processes add up what they count, for as long as the system runs."""
        folder = metrics.folder(self.folder)
        self.environment[metrics.FOLDER] = str(folder)
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _start(self, listener: socket.socket) -> None:
        if self.settings.redis_url:
            broker.check_url(self.settings.redis_url)
        else:
            self._start_broker()
        self.prepare()
        for child in children(self.settings, listener, self.reload):
            self._add(child)
        self._wait(lambda: is_healthy(listener), "The web server does not answer.")
        self.ready(address(listener))

    def _start_broker(self) -> None:
        broker.end_leftover(self.settings.socket)
        self._add(Child("broker", broker.command(self.settings), BROKER))
        self._wait(lambda: broker.is_answering(self.settings.socket), "The broker does not answer.")

    def _add(self, child: Child) -> None:
        self.children.append(child)
        self._launch(child)

    def _launch(self, child: Child) -> None:
        log = self._log(child)
        rotate(log)
        if child.stage == BROKER:
            broker.folder(self.settings)
        try:
            child.start(self.environment, self.folder, None if self.verbose else log)
        except OSError as error:
            raise Unavailable(f"{child.name} cannot be started: {error}") from None

    def _relaunch(self, child: Child, now: float) -> None:
        """Start it again; where that fails, as on a full disk, later: the system that runs must not end by it."""
        try:
            self._launch(child)
        except (OSError, Unavailable):
            if self.is_starting:
                raise
            child.started = now
            child.note_end(now)

    def _log(self, child: Child) -> Path:
        return self.folder / "logs" / f"{child.name}.log"

    def _wait(self, is_done: Callable[[], bool], failure: str) -> None:
        """Wait for a part to come up, restarting what ends meanwhile; tell why if it does not."""
        deadline = time.monotonic() + READY_SECONDS
        while not is_done():
            self._tend()
            hopeless = [child for child in self.children if child.failures >= HOPELESS]
            if hopeless or time.monotonic() > deadline:
                shown = hopeless[0] if hopeless else self.children[-1]
                raise Unavailable(f"{failure} The last lines of {self._log(shown)}:\n{last_lines(self._log(shown))}")
            self._sleep(0.05)

    def _tend(self) -> float:
        """Start again what has ended; seconds until there is something to do without being woken."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and not child.is_running:
                child.note_end(now)
                self._tell_of_trouble(child)
            if child.process is None and child.due <= now:
                self._relaunch(child, now)
        if now - self.rotated > ROTATE_SECONDS:
            self.rotated = now
            for child in self.children:
                with suppress(OSError):  # a full disk; it is tried again in a minute
                    rotate(self._log(child))
        waiting = [child.due - now for child in self.children if child.process is None]
        return max(0.0, min([ROTATE_SECONDS, *waiting]))

    def _tell_of_trouble(self, child: Child) -> None:
        if child.stage == BROKER and child.failures == HOPELESS - 1:
            with suppress(OSError):
                broker.set_aside(self.settings)
        if child.failures == HOPELESS and not self.is_starting:
            found = self._log(child)
            say(f"{child.name} keeps ending; its log is {found}, and these are its last lines:", last_lines(found))

    def _stop(self) -> None:
        """End every child, stage by stage; a second request to stop does not wait for any of them."""
        if self.asked:
            say("Stopping …")  # a worker may finish what it is at, for some seconds
        for stage in (WEB, BEAT, WORKERS, BROKER):
            ending = [child for child in self.children if child.stage == stage]
            for child in ending:
                child.send(signal.SIGTERM)
            deadline = time.monotonic() + self.settings.stop_seconds
            while any(child.is_running for child in ending):
                if self.asked > 1 or time.monotonic() > deadline:
                    for child in ending:
                        child.send(signal.SIGKILL)
                self._sleep(0.1)
        if not self.settings.redis_url:
            self.settings.socket.unlink(missing_ok=True)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Count the requests to stop, and be woken by them and by the end of a child."""
        self._woken, waker = os.pipe()
        for end in (self._woken, waker):
            os.set_blocking(end, False)
        stopping = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._asked_to_stop) for number in stopping}
        # Without a handler of its own no byte is written for it; the restart itself is not done in a handler.
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        former = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._woken)
            os.close(waker)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1
        if self.is_starting:
            self.is_starting = False
            raise KeyboardInterrupt  # not an Exception: code that goes on after any of those must not go on after this

    def _sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until the next signal."""
        select.select([self._woken], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)


def children(settings: Settings, listener: socket.socket, reload: bool = False) -> list[Child]:
    """The children beside the broker. No workers, no beat: its reminders would only pile up."""
    python = [sys.executable, "-P", "-m"]
    celery = [*python, "celery", "--quiet", "-A", "workers.main"]  # no banner among the lines of JSON
    worker = [*celery, "worker", "--pool", "solo", "--concurrency", "1", "--loglevel", settings.log_level]
    worker += ["--without-gossip", "--without-mingle"]
    fd = listener.fileno()
    web = [*python, "app.cli", "web", "--fd", str(fd)] + (["--reload"] if reload else [])
    found = [Child(f"web-{i + 1}", web, WEB, pass_fds=(fd,)) for i in range(settings.web_processes)]
    if not settings.workers:
        return found
    for i in range(settings.workers):
        name = f"rounds-{i + 1}"
        found.append(Child(name, [*worker, "-Q", "rounds", "--hostname", f"{name}@%h"], WORKERS))
    encoding = [*worker, "-Q", "encoding", "--hostname", "encoding-1@%h"]
    # People wait for rounds and pages, nobody for an encoding: it takes what they leave.
    found.append(Child("encoding-1", encoding, WORKERS, niceness=10))
    # The plain scheduler keeps its times in memory: no file that a kill could leave broken.
    beat = [*celery, "beat", "--scheduler", "celery.beat:Scheduler", "--loglevel", "warning"]
    return [*found, Child("beat", beat, BEAT)]


def environment(settings: Settings) -> dict[str, str]:
    """The environment of the children: everything that was set, wherever it was set, under its own name."""
    made = dict(os.environ)
    for name in settings.model_fields_set | {"data_dir"}:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, Path):
            value = value.absolute()
        elif name == "storage" and value and "://" not in value:
            value = Path(value).absolute()
        elif name == "database_url" and value.startswith("sqlite:///"):
            value = f"sqlite:///{Path(value.removeprefix('sqlite:///')).absolute()}"  # children work elsewhere
        made[f"MARGINALIA_{name.upper()}"] = str(value)
    return made


@contextmanager
def only_one(folder: Path) -> Iterator[IO[str]]:
    """Hold the data directory's lock; the kernel gives it back however the process ends. Raises Conflict."""
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Marginalia runs on {folder} already; stop it first, or choose another --data-dir."
            ) from None
        yield file
