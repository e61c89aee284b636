"""What is run: the data sets with their budgets, the contestants of each part, and how many seeds."""

from dataclasses import dataclass

MOST = 2500  # items of a pool, drawn anew for every seed


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
    "banking77": Budget(50, 250, 1250),
    "agnews": Budget(20, 100, 500),
    "reuters_r8": Budget(12, 60, 300),
    "newsgroups20": Budget(50, 250, 1250),
    "cifar10": Budget(40, 200, 1000),
    "mnist_5k": Budget(25, 125, 625),
    "digits": Budget(10, 50, 250),
    "satimage": Budget(10, 50, 240),
    "penbased": Budget(12, 60, 360),
    "letter": Budget(40, 200, 1000),
    "segment": Budget(8, 40, 200),
    "texture": Budget(10, 50, 240),
    "vowel": Budget(10, 50, 280),
    "spambase": Budget(8, 40, 200),
    "wine": Budget(3, 15, 60),
    "breast_cancer": Budget(3, 15, 75),
}
SPOILED = ("banking77", "agnews", "cifar10", "digits", "satimage")
LARGE = ("banking77", "agnews", "newsgroups20", "cifar10", "mnist_5k", "digits")
VARIANTS = ("imbalance", "out_of_scope", "wrong_labels", "near_duplicates")

# Who is repeated how often. The best peers are chosen by the first five seeds of all, before the others are run.
HEADLINE = ("auto", "auto, 10 % drawn", "random", "margin")
BEST_PEERS = ("skactiveml Falcun", "skactiveml Clue margin")
SLOW = ("Badge", "CoreSet", "Clue", "ContrastiveAL", "DropQuery", "MaxHerding", "ProbCover", "TypiClust")
SLOWER = ("small-text GreedyCoreset", "small-text ContrastiveActiveLearning")
# The same formula as a strategy of ours: that they choose the same is shown, and need not be repeated.
TWINS = ("skactiveml margin", "skactiveml entropy", "skactiveml least confident")
TWINS += ("small-text BreakingTies", "small-text LeastConfidence", "small-text PredictionEntropy")
TWINS += ("modAL margin", "modAL entropy", "modAL uncertainty")
# The peers that have a strategy of ours, of those that are asked to be five times slower.
HAVE = {
    "margin": ("skactiveml margin", "small-text BreakingTies", "modAL margin"),
    "entropy": ("skactiveml entropy", "small-text PredictionEntropy", "modAL entropy"),
    "least_confidence": ("skactiveml least confident", "small-text LeastConfidence", "modAL uncertainty"),
    "badge": ("skactiveml Badge",),
    "coreset": ("skactiveml CoreSet", "small-text GreedyCoreset"),
    "falcun": ("skactiveml Falcun",),
    "maxherding": ("skactiveml MaxHerding",),
    "typiclust": ("skactiveml TypiClust",),
}
SMALL_POOLS = ("digits", "segment", "vowel", "wine", "breast_cancer")
# On spoiled data and in large batches: those that are headlined, and the best of each kind.
SOME = ("badge", "dbal", "falcun", "coreset", "cluster_margin", "maxherding", "typiclust")
SECONDS = 45.0  # of a processor for choosing, in one run; a run that needs more is broken off, and counted as such


@dataclass(frozen=True)
class Cell:
    """One run."""

    data: str
    variant: str
    batch: str
    name: str
    seed: int

    @property
    def size(self) -> int:
        """Labels asked at once."""
        return int(getattr(BUDGETS[self.data], self.batch))


@dataclass(frozen=True)
class Seeds:
    """How many repetitions: of what is headlined, of the rest, and of what takes long or is shown to be the same."""

    headline: int
    rest: int
    few: int

    def plain(self, data: str, name: str) -> int:
        """In small batches on data as they are."""
        if name in SLOWER or name in TWINS:
            return min(self.few, 2) if data in SMALL_POOLS else 0
        if name in HEADLINE or name in BEST_PEERS:
            return self.headline
        return self.few if name in SLOW_PEERS else self.rest

    def otherwise(self, name: str) -> int:
        """On spoiled data, and in large batches."""
        return self.rest if name in (*HEADLINE, *BEST_PEERS, *SOME) else 0


SLOW_PEERS = tuple(f"skactiveml {name}" for name in SLOW)
FULL, QUICK = Seeds(20, 10, 5), Seeds(3, 3, 1)
QUICK_DATA = ("digits", "segment", "wine")


def cells(names: tuple[str, ...], quick: bool) -> list[Cell]:
    """All runs, the most telling first, so that a benchmark that is broken off leaves something whole."""
    seeds, data = (QUICK, QUICK_DATA) if quick else (FULL, tuple(BUDGETS))
    parts = [("plain", "small", tuple(BUDGETS)), ("plain", "large", LARGE)]
    parts += [(variant, "small", SPOILED) for variant in VARIANTS]
    found = [
        Cell(one, variant, batch, name, seed)
        for variant, batch, among in parts
        for seed in range(seeds.headline)
        for one in among
        if one in data
        for name in names
        if seed < (seeds.plain(one, name) if (variant, batch) == ("plain", "small") else seeds.otherwise(name))
    ]
    return sorted(found, key=_turn)


def _turn(cell: Cell) -> tuple[int, int]:
    """What is headlined on five seeds; what takes long; three seeds of all; three of spoiled data; then the rest."""
    if (cell.variant, cell.batch) != ("plain", "small"):
        return (3 if cell.seed < 3 else 5), cell.seed
    if cell.name in (*HEADLINE, *BEST_PEERS):
        return (0 if cell.seed < 5 else 2), cell.seed
    if cell.name in (*SLOW_PEERS, *SLOWER):
        return 1, cell.seed
    return (2 if cell.seed < 3 else 4), cell.seed
