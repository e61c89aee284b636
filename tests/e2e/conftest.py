"""A real server in a process of its own, and a real Chromium in front of it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from app import db as database_module
from app.db import Database, transaction
from app.models import Project, User
from app.services import users

CHROMIUM = os.environ.get("MARGINALIA_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("e2e"))  # one after the other, so that they share a Chromium


@pytest.fixture
def database(data_dir: Path, sqlite_template: Path) -> Iterator[Database]:
    """SQLite only: what is tested here is the browser."""
    shutil.copy(sqlite_template, data_dir / "marginalia.sqlite3")
    made = Database(f"sqlite:///{data_dir / 'marginalia.sqlite3'}")
    database_module.use(made)
    yield made
    database_module.use(None)


@dataclass
class Site:
    """The running server; it can be killed and started again where it was."""

    data_dir: Path
    port: int
    process: Any = None
    code: Path | None = None  # a copy of the program, if it is not this one

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        code = {"PYTHONPATH": str(self.code)} if self.code else {}
        environment = {**os.environ, **code, "MARGINALIA_DATA_DIR": str(self.data_dir)}
        place = ["--port", str(self.port), "--log-level", "warning"]
        command = [sys.executable, "-m", "uvicorn", "app.web.main:app", *place]
        with (self.data_dir / "web.log").open("ab") as output:
            self.process = subprocess.Popen(command, cwd=self.code, env=environment, stdout=output, stderr=output)
        _wait(self.url, self.process, self.data_dir / "web.log")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # an event stream may keep it
            self.kill()


@pytest.fixture
def site(database: Database, data_dir: Path) -> Iterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Site(data_dir, port)
    made.start()
    yield made
    made.stop()


def _wait(url: str, process: Any, output: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(output.read_text())
        try:
            urlopen(f"{url}/healthz", timeout=5).close()
            return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail("the server did not start: " + output.read_text())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Gone after each file: Playwright keeps a loop running in this thread, in which no other could be run."""
    if CHROMIUM is None:
        pytest.skip("no Chromium; MARGINALIA_TEST_CHROMIUM names one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


Visit = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any, site: Site) -> Iterator[Visit]:
    """A page in a browser of its own, signed in as this person; any error in its scripts fails the test."""
    contexts: list[Any] = []
    problems: list[str] = []

    def open_page(user: User | None, path: str, scripts: tuple[str, ...] = (), **options: Any) -> Any:
        context = chromium.new_context(base_url=site.url, **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        if user is not None:
            with transaction() as db:
                key = users.start_sign_in(db, user.id, present())
            context.add_cookies([{"name": "marginalia", "value": key, "url": site.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
        for script in scripts:
            page.add_init_script(script)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def present() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


@pytest.fixture
def labelling(make_project: Any) -> Project:
    """A project with a dozen short texts."""
    project: Project = make_project([f"Mail number {number}" for number in range(12)])
    return project
