"""One child process: how it is started, what it logs, how it ends, and how soon it may start again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

TETHER = Path(__file__).with_name("tether.py")
LOG_LIMIT_BYTES = 10 * 2**20
LONGEST_DELAY = 5.0
STEADY_SECONDS = 10.0  # one that ran this long has started well, whatever ends it later


@dataclass
class Child:
    """A program that is to run for as long as the parent does; `stage` orders the stopping, lowest first."""

    name: str
    argv: list[str]
    stage: int
    niceness: int = 0
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0  # ends in a row without a steady run between them
    due: float = 0.0  # when it may start (again)
    started: float = field(default=0.0, repr=False)

    def start(self, environment: Mapping[str, str], folder: Path, log: Path | None) -> None:
        """Start it in a session of its own, so that Ctrl-C in the terminal reaches the parent only.

        Call it from the main thread: Linux ends a child when the *thread* that forked it ends. `folder` becomes its
        working directory, away from any folder that Python might import by accident; log None: the terminal.
        """
        tethered = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(self.niceness), *self.argv]
        self.started = time.monotonic()
        output = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.process = subprocess.Popen(  # noqa: S603  # the supervisor wrote the command line
                tethered,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=self.pass_fds,
            )
        finally:
            if output is not None:
                os.close(output)

    @property
    def is_running(self) -> bool:
        """Whether its process lives; a dead one is reaped by asking."""
        return self.process is not None and self.process.poll() is None

    def note_end(self, now: float) -> None:
        """Count an end that nobody asked for, and say when to start again: at once, then ever later up to 5 s."""
        self.process = None
        self.failures = 1 if now - self.started >= STEADY_SECONDS else self.failures + 1
        self.due = now + (0.0 if self.failures == 1 else min(LONGEST_DELAY, 0.25 * 2 ** (self.failures - 2)))

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a kill goes to everything in its session."""
        if self.process is None or not self.is_running:
            return
        try:
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        except ProcessLookupError:
            pass  # it ended by itself in between


def rotate(log: Path) -> None:
    """Keep a log from growing without end: beyond the limit, its content moves to NAME.1 and it starts anew.

    Copied and cut rather than renamed, because the process that writes holds the file open, in append mode.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def say(*lines: str) -> None:
    """Tell whoever started the system. Where that cannot be, as on a full disk or a terminal that was closed, nobody
    is told: a system that runs must not end by it.
    """
    with suppress(OSError):
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()  # whoever started us through a pipe waits for the address


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for a person who has to see why something does not start."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    return ""
