"""One measurement in a process of its own, told as JSON: a file in and out, or rounds over random features."""

import argparse
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from app import jobs, migrate, store
from app.db import transaction
from app.models import Encoding, Project, User
from app.services import exports, projects, uploads, users

CLASSES = [f"class {k}" for k in range(4)]
DIMENSIONS, LABELS, ROUNDS = 384, 500, 4
FORMATS = ("jsonl", "json", "csv", "tsv", "parquet")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def measured(name: str, told: dict[str, float]) -> Iterator[None]:
    """Seconds and CPU seconds of a block, and the most memory of its own that the process had, in MB."""
    most, over = [_own_memory()], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            most.append(_own_memory())

    watcher = threading.Thread(target=look)
    watcher.start()
    began, cpu = time.perf_counter(), time.process_time()
    try:
        yield
        told[name], told[f"{name} cpu"] = time.perf_counter() - began, time.process_time() - cpu
    finally:
        over.set()
        watcher.join()
        told[f"{name} memory"] = max(most) / 2**20
        told[f"{name} memory before"] = most[0] / 2**20


def _own_memory() -> int:
    """Bytes that are this process's own: a mapped file's pages belong to the system and are given back at need."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def make_project(classes: Sequence[str] = CLASSES) -> tuple[Project, User]:
    """A person and an empty project."""
    with transaction() as db:
        lead = users.add_user(db, "lead@example.org", "Lead", "correct horse battery", True, NOW)
        task = {"kind": "classification", "classes": [{"name": name} for name in classes]}
        return projects.create_project(
            db, users.caller(lead), {"name": "Bench", "modality": "text", "task": task}, NOW
        ), lead


def write_texts(path: Path, n: int, labelled: int, classes: Sequence[str] = CLASSES) -> None:
    """A CSV of n short texts with ids, the first so many of them labelled."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,text,label\n")
        for start in range(0, n, 10_000):
            words = rng.integers(0, 5000, (min(10_000, n - start), 8))
            for k, row in enumerate(words.tolist(), start):
                text = " ".join(f"w{word}" for word in row)
                file.write(f"x{k},{k} {text},{classes[k % len(classes)] if k < labelled else ''}\n")


def bring_in(path: Path, told: dict[str, float], classes: Sequence[str] = CLASSES) -> tuple[Project, int]:
    """Check and add a file, as the endpoint does."""
    project, lead = make_project(classes)
    mapping = uploads.Mapping(text="text", external_id="id", label="label")
    with measured("copy", told), path.open("rb") as stream:
        name = uploads.spool(stream)
    with measured("check", told):
        checked = uploads.check("text", project.task, uploads.spool_path(name), path.name, mapping, "refuse")
    with measured("add", told), checked, transaction() as db:
        held, rng = db.get_one(Project, project.id), np.random.default_rng(0)
        added = uploads.import_file(db, held, lead.id, path, path.name, mapping, "refuse", NOW, rng, checked).added
    return project, added


def in_and_out(folder: Path, n: int, labelled: bool) -> dict[str, float]:
    """A file in, and where it was labelled, out in every format."""
    told: dict[str, float] = {}
    path = folder / "texts.csv"
    write_texts(path, n, n if labelled else 0)
    project, _ = bring_in(path, told)
    for name in FORMATS if labelled else ():
        with measured(name, told):
            exports.export(project.id, name, exports.Filters(), folder / "out")
    return told


def rounds_over(folder: Path, n: int, labels: int, classes: Sequence[str]) -> list[dict[str, float]]:
    """Rounds over n items with random features: the default recipe, the worker's own code, from due to published."""
    from sqlalchemy import select

    from app.core import plugins
    from app.core.encoders import Encoder
    from app.models import Round
    from app.services import recipes, rounds
    from workers import tasks

    path = folder / "texts.csv"
    write_texts(path, n, labels, classes)
    project, _ = bring_in(path, {}, classes)
    spec = recipes.ladder("text", project.recipe)[-1]
    fingerprint = plugins.make("encoders", spec, Encoder).fingerprint({})
    features, rng = store.features_folder(project.id, fingerprint), np.random.default_rng(0)
    for start in range(0, n, 65_536):
        block = rng.standard_normal((min(65_536, n - start), DIMENSIONS), np.float32)
        of = np.arange(start, start + len(block)) % len(classes)
        block[:, : len(classes)] += 1.5 * np.eye(len(classes), dtype=np.float32)[of]
        with store.writing(store.shard_path(features, start, start + len(block))) as file:
            np.save(file, block / np.linalg.norm(block, axis=1, keepdims=True))
    with transaction() as db:
        one = Encoding(project_id=project.id, rung=len(recipes.ladder("text", project.recipe)) - 1, encoder=spec)
        one.fingerprint, one.rows_done = fingerprint, n
        db.add(one)
        db.flush()
        db.get_one(Project, project.id).encoding_id = one.id
    found = []
    for _ in range(ROUNDS):
        told: dict[str, float] = {}
        with transaction() as db:
            rounds.ask(db, db.get_one(Project, project.id), datetime.now(UTC))
        with measured("round", told):
            tasks.run_round(project.id)
        with transaction() as db:
            last = db.scalars(select(Round).order_by(Round.number.desc()).limit(1)).one()
            assert last.state == "published", last.error
            told |= {f"step {name}": seconds for name, seconds in (last.seconds or {}).items()}
        found.append(told)
    return found


def main() -> None:
    """Measure what the command line says, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("file", "round"))
    parser.add_argument("items", type=int)
    parser.add_argument("--labelled", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--labels", type=int, default=LABELS)
    parser.add_argument("--classes", type=int, default=len(CLASSES))
    given = parser.parse_args()
    jobs.send = lambda remembered: None  # no broker: what is measured is the work, not the message
    store.root().mkdir(parents=True, exist_ok=True)
    migrate.upgrade()
    told: Any
    if given.what == "round":
        import torch

        torch.set_num_threads(given.threads)
        classes = CLASSES if given.classes == len(CLASSES) else [f"class {k:02d}" for k in range(given.classes)]
        told = rounds_over(store.root(), given.items, given.labels, classes)
    else:
        told = in_and_out(store.root(), given.items, given.labelled)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
