"""What must hold after people have worked, judged from the export, the progress and the rounds alone."""

from collections import Counter, defaultdict
from itertools import pairwise
from math import comb
from typing import Any

from tests.loop.people import Crowd

Lines = list[dict[str, Any]]
SURPRISE = 1e-6  # a share so far off happens by chance once in a million runs


def labels(lines: Lines) -> list[dict[str, Any]]:
    """Every exported label."""
    return [label for line in lines for label in line["labels"]]


def assert_exactly_what_was_acknowledged(lines: Lines, crowd: Crowd, votes_wanted: int = 1) -> None:
    """Every acknowledged answer is exported once, as it was given; nothing else is, and no item has too many."""
    exported = [
        (label["id"], line["id"], label["annotator"], label["answer"]) for line in lines for label in line["labels"]
    ]
    promised = [(name, one.item_id, one.annotator, one.answer) for name, one in crowd.acknowledged.items()]
    assert len(exported) == len({label for label, *_ in exported})
    assert sorted(exported, key=str) == sorted(promised, key=str)
    assert max(len(line["labels"]) for line in lines) <= votes_wanted
    assert len(lines) == len({line["id"] for line in lines}) == len(crowd.truth)


def assert_choices_are_recorded(lines: Lines, random_share: float) -> None:
    """As many random checks as the coin allows, and for everything asked by the queue the whole story."""
    found = labels(lines)
    shares = Counter(label["chosen_by"] for label in found)
    assert set(shares) <= {"queue", "random", "fallback"}
    assert is_plausible(shares["random"], len(found), random_share), shares
    assert shares["queue"] > 0
    for label in found:
        assert 0 < label["inclusion_probability"] <= 1
        assert 0 <= label["key"] < 1
        if label["chosen_by"] == "queue":
            assert label["round"] >= 1
            assert label["rank"] >= 0
            assert isinstance(label["score"], float)
            assert label["strategy"]


def is_plausible(successes: int, n: int, share: float) -> bool:
    """Whether neither tail of the binomial distribution from here on is smaller than SURPRISE."""
    chances = [comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    return min(sum(chances[: successes + 1]), sum(chances[successes:])) > SURPRISE


def assert_asked_in_queue_order(lines: Lines) -> None:
    """Whatever one person was asked of one round's queue came in ascending rank."""
    ranks: dict[tuple[str, int], list[int]] = defaultdict(list)
    for label in sorted(labels(lines), key=lambda label: str(label["created_at"])):
        if label["chosen_by"] == "queue":
            ranks[label["annotator"], label["round"]].append(label["rank"])
    assert ranks
    assert any(len(found) > 1 for found in ranks.values())
    for who, found in ranks.items():
        assert found == sorted(set(found)), who


def assert_rounds_ran_by_themselves(rounds: list[dict[str, Any]], labels_known: int) -> None:
    """Published one after the other, none failed, learning from more and more."""
    published = [one for one in reversed(rounds) if one["state"] == "published"]
    assert [one["state"] for one in rounds if one["state"] == "failed"] == []
    assert len(published) >= 3
    used = [one["labels_used"] for one in published]
    assert used == sorted(used)
    assert used[-1] == labels_known
    times = [(one["opened_at"], one["published_at"]) for one in published]
    assert all(before[1] <= after[0] for before, after in pairwise(times))


def assert_accuracy_is_honest(accuracy: dict[str, Any] | None, lines: Lines, crowd: Crowd) -> None:
    """An interval around its estimate, measured on more than the random share, and not far from the truth.

    The interval is a 95 % one and would miss by chance in one run of twenty: it is judged at twice its width.
    """
    assert accuracy is not None
    low, estimate, high = accuracy["low"], accuracy["estimate"], accuracy["high"]
    assert 0 <= low <= estimate <= high <= 1
    assert accuracy["n"] > 0
    right = [line["prediction"]["answer"]["class"] == crowd.truth[line["external_id"]] for line in lines]
    true = sum(right) / len(right)
    assert low - (estimate - low) <= true <= high + (high - estimate), (accuracy, true)
