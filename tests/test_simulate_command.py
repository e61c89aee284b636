"""`marginalia simulate` as a script sees it: what it refuses, what it leaves, and that a killed one goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyarrow import parquet

from app.commands.simulating import telling
from app.commands.simulating.progress import Progress, duration
from app.commands.simulating.reading import Columns, of_file
from app.errors import BadInput

ROOT = Path(__file__).parents[1]
QUICK = ("--labels", "20", "--batch", "10", "--seeds", "2", "--strategy", "margin", "--encoder", "hashed_ngrams")
WORDS = {"spam": "cheap pills winner prize", "not spam": "meeting agenda minutes lunch"}


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """120 mails that a word tells apart."""
    rows = [f'"no {n} {words}",{kind}' for n in range(60) for kind, words in WORDS.items()]
    path = tmp_path / "mails.csv"
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


def environment(tmp_path: Path) -> dict[str, str]:
    """One thread, and nothing of the shell's own."""
    mine = {name: value for name, value in os.environ.items() if not name.endswith(("DATABASE_URL", "REDIS_URL"))}
    return {**mine, "OMP_NUM_THREADS": "1", "MARGINALIA_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}


def start(tmp_path: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "simulate", *words],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(tmp_path: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    process = start(tmp_path, *words)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def results(out: Path) -> dict[str, Any]:
    """Every kept replay by its file's name, without the times that it took."""
    found = {}
    for path in (out / "runs").glob("*.json"):
        one = json.loads(path.read_text())
        for point in one["points"]:
            del point["fit_seconds"], point["choose_seconds"]
        found[path.name] = one
    return found


def wait_for(is_so: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(parent: int) -> list[int]:
    """The processes that play, of those that belong to a parent."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, owner = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(owner) == parent and state != "Z" and b"spawn_main" in command:
                found.append(int(entry.name))
    return found


def test_it_works(tmp_path: Path, mails: Path) -> None:
    out = tmp_path / "out"
    done = run(tmp_path, str(mails), "--text", "text", *QUICK, "--seeds", "3", "--jobs", "2", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "120 items, 2 classes, seen by hashed_ngrams." in done.stdout
    assert "labels by margin" in done.stdout
    last = next(line for line in done.stdout.splitlines() if line.strip().startswith("20 "))
    assert float(last.split()[1]) > 0.9
    rows = parquet.read_table(out / "results.parquet").to_pylist()
    assert {(row["strategy"], row["learner"], row["seed"]) for row in rows} == {
        (strategy, "linear", seed) for strategy in ("margin", "random") for seed in range(3)
    }
    assert sorted({row["labels"] for row in rows}) == [0, 10, 20]
    assert all(0 <= row["accuracy"] <= 1 and row["is_calibrated"] is False for row in rows)
    assert {row["ranked_by"] for row in rows if row["strategy"] == "random"} == {"random"}
    assert all(row["full_accuracy"] > 0.9 for row in rows)
    with Image.open(out / "curve.png") as image:
        assert image.size == (2 * telling.WIDTH, 2 * telling.HEIGHT)
    assert (out / "curve.svg").read_text().startswith("<svg xmlns")
    assert "| margin | linear |" in (out / "results.md").read_text()


def test_a_calibrated_simulation_tells_its_calibration_error_and_another_measure_its_own_tables(
    tmp_path: Path, mails: Path
) -> None:
    out = tmp_path / "out"
    words = (str(mails), "--text", "text", *QUICK, "--seeds", "1", "--jobs", "1", "--calibrate", "--out", str(out))
    done = run(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "ECE at the end" in done.stdout
    rows = parquet.read_table(out / "results.parquet").to_pylist()
    assert all(row["is_calibrated"] for row in rows)
    last = next(row for row in rows if row["strategy"] == "margin" and row["labels"] == 20)
    assert f"{last['ece']:.3f}" in done.stdout
    other = run(tmp_path, *words, "--measure", "macro_f1")
    assert other.returncode == 0, other.stderr
    assert "macro-f1 on a fifth that is never asked" in other.stdout
    shown = next(line for line in other.stdout.splitlines() if line.strip().startswith("20 "))
    assert shown.split()[1] == f"{last['macro_f1']:.3f}"


def test_spans_of_a_conll_file_are_compared_by_their_exact_f1(tmp_path: Path) -> None:
    towns = ("Ulm", "Bonn", "Graz")
    texts = [f"We O\nmet O\nin O\n{towns[n % 3]} B-place\nno O\n{n} O\n" for n in range(60)]
    data = tmp_path / "towns.conll"
    data.write_text("\n".join([*texts, *(f"nothing O\n{n} O\n" for n in range(60))]))
    ended = run(tmp_path, str(data), *QUICK[:-2], "--jobs", "1", "--out", str(tmp_path / "out"))
    assert ended.returncode == 0, ended.stderr
    assert "120 items, 1 classes, seen by hashed_words." in ended.stdout
    assert "entity-f1 on a fifth that is never asked" in ended.stdout
    last = [run["points"][-1] for run in results(tmp_path / "out").values()]
    assert all(0 <= point["entity_f1"] <= 1 for point in last)
    assert max(point["entity_f1"] for point in last) > 0.9


def test_more_seeds_and_strategies_are_added_to_what_is_there(tmp_path: Path, mails: Path) -> None:
    out = tmp_path / "out"
    words = (str(mails), "--text", "text", *QUICK, "--jobs", "1", "--out", str(out))
    assert run(tmp_path, *words).returncode == 0
    times = {path.name: path.stat().st_mtime_ns for path in (out / "runs").iterdir()}
    more = run(tmp_path, *words, "--seeds", "3", "--strategy", "margin,maxherding:bandwidth=0.5")
    assert more.returncode == 0, more.stderr
    assert "6 of 12 replays are finished already." in more.stderr
    after = {path.name: path.stat().st_mtime_ns for path in (out / "runs").iterdir()}
    assert len(after) == 12
    assert {name: after[name] for name in times} == times
    assert "maxherding:bandwidth=0.5" in more.stdout


def test_a_folder_of_another_simulation_is_refused_with_what_differs(tmp_path: Path, mails: Path) -> None:
    out = tmp_path / "out"
    words = (str(mails), "--text", "text", *QUICK, "--jobs", "1", "--out", str(out))
    assert run(tmp_path, *words).returncode == 0
    other = run(tmp_path, *words, "--labels", "30")
    assert other.returncode == 1
    assert "--labels (20 then, 30 now)" in other.stderr
    mails.write_text(mails.read_text() + '"one more",spam\n')
    changed = run(tmp_path, *words)
    assert changed.returncode == 1
    assert "holds another simulation: the data differs" in changed.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    mine = run(tmp_path, *words[:-1], str(tmp_path / "mine"))
    assert mine.returncode == 1
    assert "is not empty and holds no simulation" in mine.stderr


def test_what_other_code_played_is_played_again(tmp_path: Path, mails: Path) -> None:
    out = tmp_path / "out"
    words = (str(mails), "--text", "text", *QUICK, "--jobs", "1", "--out", str(out))
    assert run(tmp_path, *words).returncode == 0
    for path in (out / "runs").glob("margin*"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "code": "of yesterday"}))
    again = run(tmp_path, *words)
    assert "4 of 6 replays are finished already." in again.stderr


def test_a_digest_changes_with_the_strategies_and_those_they_name() -> None:
    from app.commands.simulating.keeping import digest

    margin, random = digest(frozenset({"margin"}), "linear"), digest(frozenset({"random"}), "linear")
    assert margin != random
    assert margin == digest(frozenset({"margin"}), "linear")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_a_killed_simulation_goes_on_and_says_what_an_undisturbed_one_says(tmp_path: Path, mails: Path) -> None:
    words = (str(mails), "--text", "text", *QUICK, "--seeds", "16", "--jobs", "2", "--out")
    out, calm = tmp_path / "out", tmp_path / "calm"
    process = start(tmp_path, *words, str(out))
    wait_for(lambda: len(list(out.glob("runs/*.json"))) >= 2, process)
    playing = children(process.pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in playing):
        assert time.monotonic() < deadline, "a process outlived its parent"
        time.sleep(0.05)
    before = results(out)
    assert 2 <= len(before) < 48
    again = run(tmp_path, *words, str(out))
    assert again.returncode == 0, again.stderr
    assert f"{len(before)} of 48 replays are finished already." in again.stderr
    assert run(tmp_path, *words, str(calm)).returncode == 0
    assert results(out) == results(calm)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_a_killed_process_is_replaced_and_its_replay_played_once_more(tmp_path: Path, mails: Path) -> None:
    words = (str(mails), "--text", "text", *QUICK, "--seeds", "16", "--jobs", "2", "--out")
    out, calm = tmp_path / "out", tmp_path / "calm"
    process = start(tmp_path, *words, str(out))
    wait_for(lambda: len(list(out.glob("runs/*.json"))) >= 1, process)
    victim = children(process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    told, trouble = process.communicate(timeout=300)
    assert process.returncode == 0, trouble
    assert "labels" in told
    assert run(tmp_path, *words, str(calm), "--jobs", "1").returncode == 0
    assert results(out) == results(calm)


def test_ctrl_c_keeps_what_is_finished_and_says_so(tmp_path: Path, mails: Path) -> None:
    out = tmp_path / "out"
    words = (str(mails), "--text", "text", *QUICK, "--seeds", "100", "--jobs", "2", "--out", str(out))
    process = start(tmp_path, *words)
    wait_for(lambda: len(list(out.glob("runs/*.json"))) >= 1, process)
    process.send_signal(signal.SIGINT)
    _, trouble = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "replays are kept; the same command goes on from there." in trouble
    assert "Traceback" not in trouble


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("FILE", "--text", "text", "--seeds", "0"), "--seeds is 0"),
        (("FILE", "--text", "text", "--labels", "0"), "--labels is 0"),
        (("FILE", "--text", "text", "--batch", "-3"), "--batch is -3"),
        (("FILE", "--text", "text", "--jobs", "0"), "--jobs is 0"),
        (("FILE", "--text", "text", "--labels", "97"), "97 labels cannot be spent: of 120 items 24 are kept apart"),
        (("FILE", "--text", "text", "--labels", "10", "--batch", "11"), "larger than the budget"),
        (("FILE", "--text", "body"), "There is no column body; the file has text"),
        (("FILE", "--text", "text", "--label", "kind"), "There is no column kind; the file has text, label"),
        (("FILE", "--text", "text", "--strategy", "none_such"), "strategies has no 'none_such'"),
        (("FILE", "--text", "text", "--strategy", ","), "No name stands in"),
        (("FILE", "--text", "text", "--learner", "none_such"), "learners has no 'none_such'"),
        (("FILE", "--text", "text", "--learner", "linear:colour=3"), "linear has no setting 'colour'"),
        (("FILE", "--text", "text", "--encoder", "pixels"), "pixels reads image, not text"),
        (("FILE", "--text", "text", "--encoder", "none_such"), "encoders has no 'none_such'"),
        (("FILE", "--text", "text", "--project", "1"), "Name a FILE or a --project"),
        (("FILE", "--text", "text", "--think", "-1"), "--think"),
        (("no-such-file.csv", "--text", "text"), "There is no file no-such-file.csv"),
        ((), "Name a FILE or a --project"),
        (("--project", "1"), "There is no database"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    tmp_path: Path,
    mails: Path,
    words: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from app.cli import main
    from app.settings import current

    monkeypatch.setenv("MARGINALIA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MARGINALIA_DATABASE_URL", "")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    current.cache_clear()
    try:
        assert main(["simulate", *(str(mails) if word == "FILE" else word for word in words)]) == 1
    finally:
        current.cache_clear()
    said = capsys.readouterr().err
    assert said.startswith("marginalia: ")
    assert told in said
    assert "Traceback" not in said


def written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    one = written(tmp_path / "one.csv", "text,label\nA,spam\nB,spam\n")
    with pytest.raises(BadInput, match="two classes at least; the column label holds only spam"):
        of_file(one, Columns(text="text"))
    none = written(tmp_path / "none.csv", "text,label\nA,\nB,\n")
    with pytest.raises(BadInput, match="holds none"):
        of_file(none, Columns(text="text"))


def test_bad_rows_are_named_by_their_lines(tmp_path: Path) -> None:
    broken = written(tmp_path / "broken.csv", "text,label\nA,spam\nB\nC,ham\n")
    with pytest.raises(BadInput) as refused:
        of_file(broken, Columns(text="text"))
    assert refused.value.extra["errors"][0]["line"] == 3
    empty = written(tmp_path / "empty.csv", "text,label\n,spam\nC,ham\n")
    with pytest.raises(BadInput) as refused:
        of_file(empty, Columns(text="text"))
    assert refused.value.extra["errors"] == [{"line": 2, "error": "The text is empty."}]


def test_a_file_is_read_as_an_upload_reads_it(tmp_path: Path) -> None:
    source = written(
        tmp_path / "rows.csv", "x,colour,label\n1.5,red,a\n1.5,red,a\n,blue,b\n2,green,\n7,red,elsewhere\n"
    )
    data = of_file(source, Columns(out_of_scope="elsewhere"))
    assert data.modality == "table"
    assert data.contents == [{"x": 1.5, "colour": "red"}, {"x": None, "colour": "blue"}, {"x": 7, "colour": "red"}]
    assert data.answers == [{"class": "a"}, {"class": "b"}, None]
    assert data.said == ["1 rows without an answer are left out", "1 rows stand there twice"]
    assert [each["name"] for each in data.task_json["classes"]] == ["a", "b"]


def test_several_classes_come_as_a_list_or_with_a_separator(tmp_path: Path) -> None:
    cut = written(tmp_path / "cut.csv", "text,label\nA,x; y\nB,y\nC,x\n")
    data = of_file(cut, Columns(text="text", separator=";"))
    lines = [{"text": "A", "label": ["x", "y"]}, {"text": "B", "label": ["y"]}, {"text": "C", "label": ["x"]}]
    listed = written(tmp_path / "listed.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    again = of_file(listed, Columns(text="text"))
    assert data.task_json["kind"] == again.task_json["kind"] == "multilabel"
    assert data.answers == again.answers == [{"classes": ["x", "y"]}, {"classes": ["y"]}, {"classes": ["x"]}]
    assert data.fingerprint() == again.fingerprint()


def test_an_archive_of_images_is_labelled_by_its_folders(tmp_path: Path) -> None:
    import io
    import zipfile

    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for number, folder in enumerate(["cat", "dog", "cat"]):
            picture = io.BytesIO()
            Image.new("RGB", (8, 8), (number, 0, 0)).save(picture, "PNG")
            archive.writestr(f"all/{folder}/{number}.png", picture.getvalue())
    data = of_file(tmp_path / "pictures.zip", Columns())
    assert data.modality == "image"
    assert data.answers == [{"class": "cat"}, {"class": "dog"}, {"class": "cat"}]
    assert all(isinstance(content, bytes) for content in data.contents)


def test_durations_are_told_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (5, 89, 600, 12_000)] == ["5 s", "89 s", "10 min", "3 h 20 min"]
    progress = Progress(total=100, done=20)
    progress.done = 60
    assert progress.told(progress.began + 40) == "60 of 100 rounds, 40 s left"


def test_tables_line_up_and_escape_what_markdown_would_read() -> None:
    table = [["strategy", "labels"], ["a|b", "12"], ["random", "> 240, 3 of 10 never"]]
    assert telling.plain(table).splitlines()[1].startswith("a|b")
    assert "| a\\|b | 12 |" in telling.markdown(table)
