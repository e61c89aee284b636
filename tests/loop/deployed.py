"""The parts of a deployment as docker-compose.yml starts them: each a process of its own, which nobody starts again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from tests.loop.system import ROOT, Place, wait_until

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PARTS = {"web": 1, "worker": 2, "encoder": 1, "beat": 1}


class Deployment:
    """Processes at a place with a database and a broker of its own; each part may be a host with its own folder."""

    def __init__(self, place: Place, is_each_a_host: bool) -> None:
        self.place, self.is_each_a_host = place, is_each_a_host
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all, and wait until the web server answers."""
        assert self.place.command("migrate").returncode == 0
        for part, count in PARTS.items():
            for number in range(count):
                self._start_one(part, f"{part}{number + 1}")
        wait_until(self._answers, self.told)

    def _start_one(self, part: str, name: str) -> None:
        folder = self.place.folder / name if self.is_each_a_host else self.place.folder
        folder.mkdir(parents=True, exist_ok=True)
        program, *words = [str(word) for word in SERVICES[part]["command"]]
        if part == "web":
            words = ["web", "--host", "127.0.0.1", "--port", str(self.place.port)]
        command = [sys.executable, "-m", {"marginalia": "app.cli"}.get(program, program), *words]
        if program == "celery" and part != "beat":
            command += ["--hostname", f"{name}@%h"]
        with self._log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=replace(self.place, folder=folder).environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _log(self, name: str) -> Path:
        return self.place.folder / f"{name}.log"

    def _answers(self) -> bool:
        with suppress(URLError, OSError):
            urlopen(f"http://{self.place.address}/readyz", timeout=5).close()
            return True
        return False

    def told(self) -> str:
        """The ends of the logs."""
        return "\n".join(self._log(name).read_text(errors="replace")[-1500:] for name in self.processes)

    def stop(self) -> None:
        """Stop all, the frozen ones, too; what does not end in time is killed."""
        for process in self.processes.values():
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def deployed(place: Place, is_each_a_host: bool = False) -> Iterator[Deployment]:
    """A deployment that is up, and gone after the block."""
    made = Deployment(place, is_each_a_host)
    place.folder.mkdir(parents=True, exist_ok=True)
    try:
        made.start()
        yield made
    finally:
        made.stop()
