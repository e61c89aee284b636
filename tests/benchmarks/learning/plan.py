"""What is run: the data sets with their budgets, the contestants of each part, and how many seeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST = 4000  # items of a pool, drawn anew for every seed


@dataclass(frozen=True)
class Budget:
    """Labels asked at once, in the small and in the large batch, and in all.

    Fixed before any strategy but random was looked at: random asking reaches 95 % of the full accuracy after about ten
    small batches or more, and mostly within the budget.
    """

    small: int
    large: int
    labels: int


BUDGETS = {
    "banking77": Budget(40, 200, 1400),
    "agnews": Budget(15, 75, 600),
    "reuters_r8": Budget(10, 50, 400),
    "newsgroups20": Budget(40, 200, 1400),
    "cifar10": Budget(35, 175, 1050),
    "mnist_5k": Budget(20, 100, 600),
    "digits": Budget(10, 50, 300),
    "satimage": Budget(10, 50, 240),
    "penbased": Budget(12, 60, 360),
    "letter": Budget(40, 200, 1000),
    "segment": Budget(8, 40, 240),
    "texture": Budget(10, 50, 240),
    "vowel": Budget(7, 35, 280),
    "spambase": Budget(8, 40, 240),
    "splice": Budget(15, 75, 420),
    "wine": Budget(3, 15, 60),
    "breast_cancer": Budget(3, 15, 90),
}
SPOILED = ("banking77", "agnews", "reuters_r8", "cifar10", "digits", "satimage")
LARGE = ("banking77", "agnews", "newsgroups20", "cifar10", "mnist_5k", "digits", "letter")
VARIANTS = ("imbalance", "out_of_scope", "wrong_labels", "near_duplicates")
HEADLINE = ("auto", "auto, 10 % drawn", "random", "margin")
# Of these the whole benchmark would take days where a pool is large: they get fewer seeds, and the report says so.
SLOW = ("skactiveml Badge", "skactiveml MaxHerding", "skactiveml TypiClust", "skactiveml ProbCover")
SLOW += ("small-text GreedyCoreset", "small-text ContrastiveActiveLearning", "small-text PredictionEntropy")
SECONDS = 120.0  # of a processor for choosing, in one run; a run that needs more is broken off, and counted as such


@dataclass(frozen=True)
class Cell:
    """One run."""

    data: str
    variant: str
    batch: Literal["small", "large"]
    name: str
    seed: int

    @property
    def size(self) -> int:
        """Labels asked at once."""
        return int(getattr(BUDGETS[self.data], self.batch))


@dataclass(frozen=True)
class Seeds:
    """How many repetitions: of what is headlined, of the rest, of the slow ones."""

    headline: int
    rest: int
    slow: int

    def of(self, name: str, best: tuple[str, ...]) -> int:
        """Those of a contestant; `best` are peers that are headlined because they did best."""
        if name in HEADLINE or name in best:
            return self.headline
        return self.slow if name in SLOW else self.rest


FULL, QUICK = Seeds(20, 10, 5), Seeds(3, 3, 1)
QUICK_DATA = ("digits", "segment", "wine")


def cells(names: tuple[str, ...], best: tuple[str, ...], quick: bool) -> Iterator[Cell]:
    """All runs, seed by seed, so that a run that is broken off leaves something whole."""
    seeds, data = (QUICK, QUICK_DATA) if quick else (FULL, tuple(BUDGETS))
    for seed in range(seeds.headline):
        for variant, batch, among in (("plain", "small", data), ("plain", "large", LARGE), *_spoiled()):
            for one in among:
                if one in data:
                    for name in names:
                        limit = seeds.of(name, best) if variant == "plain" and batch == "small" else seeds.rest
                        if seed < (min(limit, seeds.slow) if name in SLOW and name not in best else limit):
                            yield Cell(one, variant, batch, name, seed)  # type: ignore[arg-type]


def _spoiled() -> list[tuple[str, str, tuple[str, ...]]]:
    return [(variant, "small", SPOILED) for variant in VARIANTS]
