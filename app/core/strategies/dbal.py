"""The strategy `dbal`: of the most doubtful items, one from each of as many clusters as are asked for."""

from dataclasses import dataclass, field

import numpy as np

from app.core.data import FloatArray, IntArray, Pool
from app.core.reasons import Reason
from app.core.strategies import Ranking, Strategy, best
from app.core.strategies._distances import blocks, squared, squared_norms
from app.core.strategies._kmeans import kmeans
from app.core.strategies.margin import uncertainty

# Items that are chosen by clusters, at most: k-means costs clusters × items. What is asked beyond them comes by margin.
CLUSTERS = 1_000


@dataclass(frozen=True)
class Dbal(Strategy):
    """Doubtful items that differ from each other: one from each cluster of the smallest margins.

    With m asked for: the β·m items with the smallest margins; weighted k-means with m centres on their features,
    minimising Σᵢ wᵢ ‖xᵢ − c(i)‖², wᵢ = 1 − margin of item i (see `margin`); from each centre the nearest item not
    taken yet. Zhdanov, "Diverse mini-batch active learning", arXiv:1901.05954, 2019.

    Best first, so that a batch that is cut short was well begun: the item whose centre has the greatest weight W, then
    always the one with the greatest W·D², D its distance to the nearest before it. Costs one pass over the
    probabilities, then k-means, O(β·m²·d) an iteration, whatever the pool's size.
    """

    beta: float = field(
        default=10.0, metadata={"help": "Doubtful items looked at for each one asked", "low": 1, "high": 1000}
    )

    def rank(self, pool: Pool, n: int, rng: np.random.Generator) -> Ranking:
        """The score of an item is W·D² as it was chosen, over ΣW and the greatest D²; 0 of what is beyond clusters."""
        n = min(n, pool.n)
        m = min(n, CLUSTERS)
        if m == 0:
            return Ranking(np.empty(0, np.int64), np.empty(0))
        doubt = np.maximum(pool.per_item(uncertainty(pool.probabilities)), 1e-6)  # without units or doubt: hardly any
        looked = max(int(self.beta * m), m)
        rows = best(doubt, max(looked, n)).rows
        x, weights = pool.features[rows[:looked]], doubt[rows[:looked]]
        clusters = kmeans(x, weights, m, rng)
        mass = np.bincount(clusters.labels, weights, minlength=len(clusters.centres))
        taken, worth = _ordered(x, _nearest(x, clusters.centres), mass / mass.sum())
        rest = np.setdiff1d(np.arange(len(rows)), taken)
        scores = np.concatenate([worth, np.zeros(len(rest))])
        return Ranking(rows[np.concatenate([taken, rest])][:n], scores[:n])

    def reason(self, score: float, likely: tuple[str, ...]) -> Reason:  # noqa: ARG002 - no number says it better
        """Which classes are meant."""
        return Reason("stands_for", likely)


def _nearest(x: FloatArray, centres: FloatArray) -> IntArray:
    """The row of x nearest to each centre in turn, among those that no earlier one took."""
    norms, centre_norms = squared_norms(x), squared_norms(centres)
    free = np.ones(len(x), bool)
    rows = np.empty(len(centres), np.int64)
    for part in blocks(len(centres), len(x)):
        distances = squared(centres[part], x, centre_norms[part], norms)
        for i, row in enumerate(distances, part.start):
            rows[i] = np.where(free, row, np.inf).argmin()
            free[rows[i]] = False
    return rows


def _ordered(x: FloatArray, rows: IntArray, share: FloatArray) -> tuple[IntArray, FloatArray]:
    """The rows by W·D², greedily, and its values over the greatest D²; `share` is the W of each."""
    y = x[rows]
    norms = squared_norms(y)
    apart = squared(y, y, norms, norms)
    nearest = np.full(len(rows), apart.max())
    order, worth = np.empty(len(rows), np.int64), np.empty(len(rows))
    left = np.ones(len(rows), bool)
    for i in range(len(rows)):
        value = np.where(left, share * nearest, -1)
        order[i] = value.argmax()
        worth[i] = value[order[i]]
        left[order[i]] = False
        nearest = np.minimum(nearest, apart[order[i]])
    return rows[order], worth / (apart.max() or 1)
