"""Data sets with truth: the demo's real mails, a table from a known rule, and rows of public data where they are."""

import csv
import json
import lzma
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORDS = ["account", "card", "charge", "decline", "delivery", "exchange", "fee", "late"]
WORDS += ["limit", "lost", "pay", "pin", "rate", "refund", "top", "transfer"]


@dataclass(frozen=True)
class DataSet:
    """Rows to upload, each with an `id`, and the true class of every id, which only the annotators know."""

    name: str
    modality: str
    rows: Sequence[dict[str, Any]]
    truth: dict[str, str]

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.truth.values()))


def test_data() -> Path:
    """The folder of public data, which is no part of the product."""
    return Path(os.environ.get("MARGINALIA_TEST_DATA", ROOT.parent / "shared" / "data"))


def mails(n: int) -> DataSet:
    """Real mails of the demo, spam or not; no two with the same text."""
    with lzma.open(ROOT / "app" / "demo_data" / "mails.jsonl.xz", "rt", encoding="utf-8") as file:
        found = list({row["text"]: row for row in map(json.loads, file)}.values())
    found = random.Random(1).sample(found, n)
    rows = [{"id": row["id"], "text": row["text"]} for row in found]
    return DataSet("mails", "text", rows, {row["id"]: row["label"] for row in found})


def table(n: int) -> DataSet:
    """Two numbers and a colour; the class follows from them by a rule with a bend, which no line separates whole."""
    rng, rows, truth = random.Random(2), [], {}
    for i in range(n):
        x, y, colour = rng.gauss(0, 1), rng.gauss(0, 1), rng.choice(["red", "green", "blue"])
        rows.append({"id": f"row{i}", "x": x, "y": y, "colour": colour})
        high = x + 0.5 * y + (colour == "red") > 0.5
        truth[f"row{i}"] = "high" if high else "low" if x < -0.5 else "middle"
    return DataSet("generated table", "table", rows, truth)


def short_texts(n: int) -> DataSet:
    """Short real questions with 77 intents, or, where they are not there or too few, generated ones."""
    rows: dict[str, str] = {}
    for name in ("banking77_train.csv", "banking77_test.csv"):
        path = test_data() / name
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                rows.update((row["text"], row["category"]) for row in csv.DictReader(file))
    if len(rows) < n:
        return _generated_texts(n)
    return _texts("banking77", random.Random(3).sample(sorted(rows.items()), n))


def _generated_texts(n: int) -> DataSet:
    """Ten words each, half of them drawn from the class's own three."""
    rng, found = random.Random(4), []
    for i in range(n):
        topic = i % 8
        own = [WORDS[(2 * topic + j) % len(WORDS)] for j in range(3)]
        words = [rng.choice(own if rng.random() < 0.5 else WORDS) for _ in range(9)]
        found.append((" ".join([*words, f"no{i}"]), f"topic {topic}"))
    return _texts("generated texts", found)


def _texts(name: str, found: Sequence[tuple[str, str]]) -> DataSet:
    rows = [{"id": f"text{i}", "text": text} for i, (text, _) in enumerate(found)]
    return DataSet(name, "text", rows, {f"text{i}": label for i, (_, label) in enumerate(found)})
