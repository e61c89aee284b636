"""What surrounds a strategy in a round: candidates in scope before it ranks, and after it near-duplicates and classes.

What a strategy drew by lot stays as it was drawn: moving it would make its propensities wrong. See app/core/stages.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.core.data import Features, IntArray, of_items
from app.core.stages import balance, duplicates, scope
from app.core.strategies import Ranking

# Of the pool a stage sees so many rows drawn uniformly, to know what is usual.
SAMPLE = 400


@dataclass(frozen=True)
class Stages:
    """Which stages a recipe wants, and what they judge by.

    leave_out_of_scope, ask_duplicates_once, balance_classes: the recipe's. similarity: the cosine from which on two
    items count as one, which depends on the encoder. foreign_rows: what people called out of scope. known_rows: what
    they answered. labels [K]: answers of each class.
    """

    leave_out_of_scope: bool
    ask_duplicates_once: bool
    balance_classes: bool
    similarity: float
    foreign_rows: IntArray
    known_rows: IntArray
    labels: IntArray

    def in_scope(self, features: Features, rows: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        """The rows that look in scope and those that do not, each in its order."""
        if not self.leave_out_of_scope or not len(rows):
            return rows, rows[:0]
        sample = rng.choice(features.rows, min(SAMPLE, features.rows), replace=False)
        found = scope.leave_out(
            rows,
            of_items(features, rows),
            of_items(features, _some(self.foreign_rows, rng)),
            of_items(features, _some(self.known_rows, rng)),
            of_items(features, np.sort(sample)),
            rng,
        )
        return found.order[~found.moved], found.order[found.moved]

    def arrange(
        self, ranking: Ranking, rows: IntArray, features: Features, held: IntArray, predicted: IntArray | None
    ) -> Ranking:
        """A ranking of `rows` without near-duplicates in front, and with its classes in turn where that is wanted."""
        if ranking.propensities is not None:
            return ranking
        if self.ask_duplicates_once and len(ranking.rows):
            x = of_items(features, rows[ranking.rows])
            once = duplicates.asked_once(ranking.rows, x, of_items(features, held), self.similarity)
            kept = once.places[~once.moved]
            ranking = replace(ranking, rows=ranking.rows[kept], scores=ranking.scores[kept])
        if self.balance_classes and predicted is not None:
            turns = balance.by_class(ranking.rows, predicted[ranking.rows], self.labels)
            ranking = replace(ranking, rows=turns.order, scores=ranking.scores[turns.places])
        return ranking


def stages_of(
    recipe: dict[str, Any], similarity: float, foreign_rows: IntArray, known_rows: IntArray, labels: IntArray
) -> Stages:
    """The stages that a recipe wants; what it does not say is as in a new project."""
    return Stages(
        leave_out_of_scope=recipe.get("leave_out_of_scope", True),
        ask_duplicates_once=recipe.get("ask_duplicates_once", True),
        balance_classes=recipe.get("balance_classes", False),
        similarity=similarity,
        foreign_rows=foreign_rows,
        known_rows=known_rows,
        labels=labels,
    )


def _some(rows: IntArray, rng: np.random.Generator) -> IntArray:
    """At most as many rows as the model of what is foreign learns from."""
    if len(rows) <= scope.MOST_INSIDE:
        return rows
    return np.sort(rng.choice(rows, scope.MOST_INSIDE, replace=False))
