"""`marginalia simulate --served`: a real system plays the same data, and nothing of it is left afterwards."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.loop.system import ROOT, missing, processes

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("supervisor")]
WORDS = ("--labels", "40", "--batch", "20", "--seeds", "2", "--strategy", "margin", "--jobs", "1")
SERVED = ("--encoder", "columns", "--served", "--people", "3", "--think", "0.1")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """200 rows whose class follows from two numbers; one in ten belongs to no class."""
    from tests.loop.data import table

    data = table(200)
    lines = ["x,y,colour,label"]
    for number, row in enumerate(data.rows):
        label = "elsewhere" if number % 10 == 0 else data.truth[row["id"]]
        lines.append(f"{row['x']},{row['y']},{row['colour']},{label}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def start(tmp_path: Path, table: Path, *words: str) -> "subprocess.Popen[str]":
    """Temporary folders of the command go below tmp_path, so that what is left there can be seen."""
    if why_not := missing("sqlite"):
        pytest.skip(why_not)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REDIS_"))}
    mine |= {"TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "app.cli", "simulate", str(table), "--out-of-scope", "elsewhere", *WORDS, *SERVED]
    return subprocess.Popen(
        [*command, "--data-dir", str(tmp_path / "data"), *words],
        cwd=ROOT,
        env=mine,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(tmp_path: Path) -> list[str]:
    """Processes of the system that still live, and folders that are still there."""
    return _commands(tmp_path) + [str(path) for path in (tmp_path / "tmp").iterdir()]


def test_it_works(tmp_path: Path, table: Path) -> None:
    out = tmp_path / "out"
    process = start(tmp_path, table, "--out", str(out))
    told, trouble = process.communicate(timeout=300)
    assert process.returncode == 0, trouble + told
    for strategy in ("margin", "random"):
        assert re.search(rf"Served: {strategy} with linear\. \d+ rounds seen", told)
        rounds = json.loads((out / f"served-{strategy}.json").read_text())
        labels = [one["labels"] for one in rounds]
        assert labels == sorted(labels)
        # An item out of scope costs one of the 40 labels, and no round learns from it; people do not wait for rounds.
        assert 10 <= labels[-1] <= 40
        assert all(0 <= one["accuracy"] <= 1 and 0 <= one["pool"] <= 1 for one in rounds)
        assert rounds[-1]["accuracy"] > 0.5
        assert rounds[-1]["estimate"] is None or rounds[-1]["low"] <= rounds[-1]["estimate"] <= rounds[-1]["high"]
        assert "| labels | served |" in (out / f"served-{strategy}.md").read_text()
    assert left_behind(tmp_path) == []


def test_ctrl_c_leaves_no_process_and_no_folder(tmp_path: Path, table: Path) -> None:
    process = start(tmp_path, table)
    assert process.stdout is not None
    line = ""
    while "Starting a system" not in line:
        line = process.stdout.readline()
        assert line or process.poll() is None, process.communicate()
    deadline = time.monotonic() + 60
    while not any("app.cli web" in one for one in _commands(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, trouble = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in trouble
    assert left_behind(tmp_path) == []


def test_a_kill_leaves_no_process(tmp_path: Path, table: Path) -> None:
    process = start(tmp_path, table)
    deadline = time.monotonic() + 120
    while not any("app.cli web" in one for one in _commands(tmp_path)):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while _commands(tmp_path):
        assert time.monotonic() < deadline, _commands(tmp_path)
        time.sleep(0.1)


def _commands(tmp_path: Path) -> list[str]:
    """The command lines of everything that works in the command's folder."""
    found = []
    for pid, _, command in processes():
        try:
            place = str(Path(f"/proc/{pid}/cwd").readlink())
        except OSError:
            continue
        if place.startswith(str(tmp_path / "tmp")):
            found.append(command)
    return found
