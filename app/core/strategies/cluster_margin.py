"""The strategy `cluster_margin`: the smallest margins, dealt over clusters of the pool, the smallest clusters first."""

from dataclasses import dataclass, field

import numpy as np

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best
from app.core.strategies._distances import squared, squared_norms
from app.core.strategies._kmeans import assign
from app.core.strategies.margin import uncertainty

# Hierarchical clusters are made of so many items, for they cost the square of them; the others go with the nearest.
SAMPLE = 2_000


@dataclass(frozen=True)
class ClusterMargin(Strategy):
    """Doubtful items in turn from each group of the pool, rare groups first; for batches of a hundred and more.

    With m asked for: the k·m items with the smallest margins (see `margin`), k = 10, in the clusters of the pool; the
    clusters by how many of these items they hold, the fewest first; from each in turn, round and round, one of its
    items at random. The clusters are those of average linkage, the distance of two being the mean of ‖x − y‖ over their
    pairs, cut where they hold 10 items on average. Citovsky, DeSalvo, Gentile, Karydas, Rajagopalan, Rostamizadeh &
    Kumar, "Batch active learning at scale", NeurIPS 2021.

    Small clusters are outliers first: in small batches that costs labels. Costs a pass over the probabilities,
    O(s²·d) for the clusters of a sample of s ≤ 2,000 items, and O(k·m·s·d) to find the nearest of it for each doubtful
    one; memory O(s² + k·m), whatever the pool's size.
    """

    doubtful: float = field(
        default=10.0, metadata={"help": "Doubtful items looked at for each one asked", "low": 1, "high": 1000}
    )
    size: float = field(default=10.0, metadata={"help": "Items of a cluster, on average", "low": 1, "high": 1000})

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is the least 1 − margin of those asked so far."""
        n = min(n, pool.n)
        if n == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        doubt = np.maximum(pool.per_item(uncertainty(pool.probabilities)), 0)  # −inf: an item without units
        rows = best(doubt, max(int(self.doubtful * n), n)).rows
        labels = self._clusters(pool.features, rows, rng)
        rows = rows[_dealt(labels, rng)[:n]]
        return Ranking(rows, np.minimum.accumulate(doubt[rows]))

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - the group has no name
        """Which classes are meant."""
        return Reason("hesitates_apart", likely)

    def _clusters(self, features: FloatArray, rows: IntArray, rng: np.random.Generator) -> IntArray:
        """The cluster of each of the rows."""
        n = len(features)
        x = features[np.arange(n) if n <= SAMPLE else np.sort(rng.choice(n, SAMPLE, replace=False))]
        labels = _average_linkage(x, max(int(len(x) / max(self.size, 1)), 1))
        y = features[rows]
        return labels[assign(y, x, squared_norms(y))[0]]


def _average_linkage(x: FloatArray, k: int) -> IntArray:
    """At most k clusters of the rows of x."""
    from scipy.cluster.hierarchy import fcluster, linkage  # takes a quarter of a second, which other strategies save

    if len(x) < 2:
        return np.zeros(len(x), np.int64)
    norms = squared_norms(x)
    distances = np.sqrt(squared(x, x, norms, norms)[np.triu_indices(len(x), 1)])
    return np.asarray(fcluster(linkage(distances, "average"), k, "maxclust"), np.int64)


def _dealt(labels: IntArray, rng: np.random.Generator) -> IntArray:
    """All places of labels: one of each cluster in turn, the smallest cluster first, at random within each."""
    _, cluster, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    shuffled = rng.permutation(len(labels))
    grouped = shuffled[np.argsort(cluster[shuffled], kind="stable")]
    turn = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return grouped[np.lexsort((cluster[grouped], sizes[cluster[grouped]], turn))]
