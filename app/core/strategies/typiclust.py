"""The strategy `typiclust`: a cold start by clusters, the most typical item of each that nobody labelled."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy
from app.core.strategies._distances import blocks, squared, squared_norms
from app.core.strategies._kmeans import assign, kmeans

# Clusters are found on a sample of so many items, and so many of a cluster stand for it when neighbours are looked for.
SAMPLE, MEMBERS = 10_000, 1_000


@dataclass(frozen=True)
class Typiclust(Strategy):
    """Typical items of the groups in which nothing is labelled yet, the largest first.

    K = min(L + m, clusters) k-means clusters of the features of the pool and of the L items that are labelled or in
    somebody's hands, m asked for. Clusters by fewest held items, then by size; from each in turn, round and round, the
    item with the greatest typicality 1 / (mean distance to its min(20, size / 2) nearest in the cluster + 1e-5). Those
    with fewer than `smallest` items come when nothing else is left. Hacohen, Dekel & Weinshall, "Active learning on a
    budget: opposite strategies suit high and low budgets", ICML 2022.

    k-means on at most 10,000 items, O(10⁴·K·d) an iteration, then a pass of O(n·K·d); typicality against at most
    1,000 of a cluster, O(n·min(n / K, 1000)·d). Memory O(n).
    """

    needs_model: ClassVar[bool] = False

    clusters: int = field(default=500, metadata={"help": "Clusters, at most", "low": 1, "high": 5000})
    neighbours: int = field(
        default=20, metadata={"help": "Nearest items that typicality is measured by, at most", "low": 1, "high": 1000}
    )
    smallest: int = field(
        default=5, metadata={"help": "Items of a cluster that is worth asking about, at least", "low": 1, "high": 1000}
    )

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is its place: 1 − i / n of the pool; typicality compares only within a cluster."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        labels, held = _clusters(pool, min(len(pool.held) + n, self.clusters), rng)
        sizes = np.bincount(labels, minlength=len(held))
        small = sizes + held < self.smallest
        order = np.lexsort((-sizes, held, small))
        visited = order[sizes[order] > 0][:n]  # of each at least one item is asked
        members = [self._by_typicality(pool.features, np.flatnonzero(labels == c), rng) for c in visited]
        turn = np.concatenate([np.arange(len(rows)) for rows in members])
        place = np.repeat(np.arange(len(members)), [len(rows) for rows in members])
        rows = np.concatenate(members)[np.lexsort((place, turn, small[visited][place]))][:n]
        return Ranking(rows, 1 - np.arange(len(rows)) / pool.n)

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - classes play no part
        """What it stands for."""
        return Reason("typical_of_few")

    def _by_typicality(self, features: FloatArray, rows: IntArray, rng: np.random.Generator) -> IntArray:
        """A cluster's rows, the most typical first, equals in their order."""
        x = features[rows]
        norms = squared_norms(x)
        few = np.arange(len(rows)) if len(rows) <= MEMBERS else rng.choice(len(rows), MEMBERS, replace=False)
        k = min(self.neighbours, len(rows) // 2, len(few) - 1)
        mean = np.zeros(len(rows))
        for part in blocks(len(rows), len(few)) if k > 0 else ():
            distances = squared(x[part], x[few], norms[part], norms[few])
            distances[np.arange(part.start, part.stop)[:, None] == few] = np.inf  # nothing is its own neighbour
            mean[part] = np.sqrt(np.partition(distances, k - 1, axis=1)[:, :k]).mean(axis=1)
        return rows[np.argsort(mean, kind="stable")]


def _clusters(pool: Pool, k: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """The cluster of each row of the pool, and how many held items each cluster has."""
    total = pool.n + len(pool.held)
    sample = np.arange(total) if total <= SAMPLE else np.sort(rng.choice(total, SAMPLE, replace=False))
    x = pool.features[sample[sample < pool.n]]
    if len(pool.held):
        x = np.concatenate([x, pool.held[sample[sample >= pool.n] - pool.n]])
    centres = kmeans(x, np.ones(len(x)), k, rng).centres
    labels = assign(pool.features, centres, squared_norms(pool.features))[0]
    if not len(pool.held):
        return labels, np.zeros(len(centres), np.int64)
    known = assign(pool.held, centres, squared_norms(pool.held))[0]
    return labels, np.bincount(known, minlength=len(centres))
