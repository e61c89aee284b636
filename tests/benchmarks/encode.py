"""How fast each encoder is: items a second on one thread, by what it reads."""

import random
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from PIL import Image

from app.core import plugins
from app.core.encoders import Encoder
from tests.benchmarks.report import spread, table
from tests.loop.data import mails, short_texts, test_data
from tests.loop.data import table as make_table

RUNS = 3
SECONDS = 2.0  # about so long is one run
BATCH = 256


def run(folder: Path, quick: bool) -> str:  # nothing is written
    """The table: every encoder that needs no model of yours, on each kind of content that it reads."""
    torch.set_num_threads(1)
    rows = []
    for found in plugins.describe("encoders"):
        if found.facts.get("needs"):
            continue
        encoder = plugins.make("encoders", {"name": found.name}, Encoder)
        for name, contents in _contents(encoder.modality).items():
            learned = encoder.learn(contents)
            encoder.encode(contents[:BATCH], learned)  # reads its weights
            speeds = [_speed(encoder, contents, learned, 0.2 if quick else SECONDS) for _ in range(RUNS)]
            rows.append([found.name, name, encoder.encode(contents[:1], learned).shape[1], spread(speeds)])
    about = (
        f"One thread, batches of {BATCH}, where the worker reads what fits into two seconds; "
        f"median (least to most) of {RUNS} runs."
    )
    return f"{about}\n\n{table(['encoder', 'contents', 'dimensions', 'items/s'], rows)}"


def _speed(encoder: Encoder, contents: Sequence[Any], learned: dict[str, Any], seconds: float) -> float:
    """Items a second, over whole batches, for about so long."""
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        start = done % len(contents)
        done += len(encoder.encode(contents[start : start + BATCH], learned))
    return done / (time.monotonic() - began)


def _contents(modality: str) -> dict[str, list[Any]]:
    """What to encode, by name; as many as whole batches hold."""
    if modality == "text":
        return {
            f"{data.name}, {sum(len(row['text']) for row in data.rows) / len(data.rows):.0f} characters": [
                row["text"] for row in data.rows
            ]
            for data in (short_texts(1024), mails(1024))
        }
    if modality == "image":
        return _images()
    rows = make_table(1024).rows
    return {"generated table, 3 columns": [{k: v for k, v in row.items() if k != "id"} for row in rows]}


def _images() -> dict[str, list[Any]]:
    path = test_data() / "cifar10_test.zip"
    if path.exists():
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith((".jpg", ".jpeg", ".png"))]
            return {"CIFAR-10, 32 px JPEG": [archive.read(name) for name in random.Random(5).sample(names, 256)]}
    rng, made = np.random.default_rng(5), []
    for _ in range(256):
        file = BytesIO()
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(file, "JPEG")
        made.append(file.getvalue())
    return {"noise, 32 px JPEG": made}
