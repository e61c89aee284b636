"""The stage `scope`: what probably is no item of this project at all comes after everything else."""

import numpy as np

from app.core import plugins
from app.core.data import BoolArray, FloatArray, IntArray
from app.core.learners import Learner
from app.core.stages import Reordered, behind
from app.core.strategies._distances import squared_norms

# From so many items that people called out of scope on, a model tells; of fewer it would know little but their topic.
ENOUGH_FOREIGN = 3
# A row is behind where P(foreign), foreign and other items counting equally, is above this. At 0.5 ten points more of
# what is foreign is kept back, but of classes that resemble it half as many items again, and accuracy is lost.
FOREIGN = 0.6
# Rows in scope that the model of what is foreign learns from, at most.
MOST_INSIDE = 2_000
# Before that: strange is what is further from the pool than this share of it, and by so many robust deviations.
USUAL, DEVIATIONS = 0.98, 3.0
# How near a row is to the pool: its distance to the so-many-nearest of a sample, which is no judge if it is small.
NEIGHBOURS, ENOUGH_SAMPLE = 10, 50
# Rows of the sample that are looked at together: most rows of a pool are at home after the first of them.
TOGETHER = 128


def leave_out(
    order: IntArray,
    features: FloatArray,
    foreign: FloatArray,
    inside: FloatArray,
    sample: FloatArray,
    rng: np.random.Generator,
) -> Reordered:
    """The queue [n] with the rows behind that look out of scope.

    features [n, d] of the rows in `order`; foreign [f, d] of items that people called out of scope, inside [m, d] of
    items that they answered; sample [s, d] of some 1,000 rows drawn uniformly from the pool. With three foreign items
    and any inside: by `foreignness`, a K+1-th class beside the project's. Otherwise: by `strangers`, which is cautious.
    A class that nobody has answered yet, and that resembles what is foreign more than what was answered, may wait until
    the items drawn at random bring it up. Raises ValueError where the features are not of the rows.
    """
    if len(features) != len(order):
        raise ValueError(f"features {features.shape} of {len(order)} rows")
    if len(foreign) >= ENOUGH_FOREIGN and len(inside):
        return behind(np.asarray(order), foreignness(features, foreign, inside, rng) > FOREIGN)
    return behind(np.asarray(order), strangers(features, sample))


def foreignness(features: FloatArray, foreign: FloatArray, inside: FloatArray, rng: np.random.Generator) -> FloatArray:
    """P(foreign) of each row [n]: logistic regression of foreign [f, d] against inside [m, d] by the learner `linear`.

    Each side weighs m in all, for the share of foreign items among what a strategy chose is not their share in the
    pool: uncertain is what is foreign, so that most of what it asks may be. A rejected class in one model with the
    others: Stojnić et al., "Training ensembles with inliers and outliers for semi-supervised active learning", WACV
    2024.
    """
    if len(inside) > MOST_INSIDE:
        inside = inside[np.sort(rng.choice(len(inside), MOST_INSIDE, replace=False))]
    x = np.concatenate([inside, foreign]).astype(np.float32)
    is_foreign = np.arange(len(x)) >= len(inside)
    weights = np.where(is_foreign, len(inside) / len(foreign), 1).astype(np.float32)
    targets = np.stack([~is_foreign, is_foreign], axis=1).astype(np.float32)
    learner = plugins.make("learners", {"name": "linear"}, Learner)
    learner.fit(x, targets, weights, True, rng, np.zeros(len(x), np.int64), 0)
    return np.asarray(learner.predict(features)[:, 1])


def strangers(features: FloatArray, sample: FloatArray) -> BoolArray:
    """Which rows [n] are far from all the pool: at most some 2 % of it, and only what stands clear of the rest.

    r_i is the distance of row i to its 10th nearest of the sample [s, d]. Strange: r_i above the 0.98 quantile of the
    sample's own distances and above median + 3 · 1.4826 · MAD, their median and median absolute deviation. Of fewer
    than 50 rows no sample says anything. Ramaswamy, Rastogi & Shim, "Efficient algorithms for mining outliers from
    large data sets", SIGMOD 2000. It finds single strangers; a crowd of them looks at home.
    """
    if len(sample) < ENOUGH_SAMPLE or not len(features):
        return np.zeros(len(features), bool)
    squared = _squared(sample, sample)  # a row of the sample is its own nearest
    usual = np.sqrt(np.partition(squared, NEIGHBOURS, axis=1)[:, NEIGHBOURS])
    middle = np.median(usual)
    spread = 1.4826 * np.median(np.abs(usual - middle))
    if spread == 0:  # more than half of it are copies of each other, and all else would look strange
        return np.zeros(len(features), bool)
    border = max(np.quantile(usual, USUAL), middle + DEVIATIONS * spread)
    return _far(features, sample, float(border) ** 2)


def _far(features: FloatArray, sample: FloatArray, border: float) -> BoolArray:
    """Which rows [n] have fewer than 10 of the sample within this squared distance: r_i > border, without sorting."""
    near, left = np.zeros(len(features), np.int64), np.arange(len(features))
    parts = -(-len(sample) // TOGETHER)
    for start in range(parts):  # every third row or so, since a file's neighbours are often of one class
        rows = features if len(left) == len(features) else features[left]
        near[left] += np.count_nonzero(_squared(rows, sample[start::parts]) <= border, axis=1)
        left = left[near[left] < NEIGHBOURS]
    return near < NEIGHBOURS


def _squared(x: FloatArray, sample: FloatArray) -> FloatArray:
    squared = x @ sample.T
    squared *= -2
    squared += squared_norms(x)[:, None]
    squared += squared_norms(sample)
    return np.asarray(np.maximum(squared, 0, out=squared))
