"""How suggestions sway people, against numbers worked out by hand or published."""

import numpy as np
import pytest

from app.core.evaluation.sway import AT_LEAST, Tossed, difference_of_shares, sway


def tossed(*arms: tuple[float, bool, int, int]) -> Tossed:
    """(share, hidden, same, n) each; the k-th answer of an arm took k + 1 seconds."""
    sizes = [n for *_, n in arms]
    return Tossed(
        np.repeat([share for share, *_ in arms], sizes),
        np.repeat([hidden for _, hidden, _, _ in arms], sizes),
        np.concatenate([np.arange(n) < same for _, _, same, n in arms]),
        np.concatenate([np.arange(n) + 1.0 for n in sizes]),
    )


@pytest.mark.parametrize(
    ("x", "n", "y", "m", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(
    x: int, n: int, y: int, m: int, low: float, high: float
) -> None:
    found = difference_of_shares([(x, n, y, m)])
    assert found[0] == pytest.approx(x / n - y / m)
    assert found[1:] == pytest.approx((low, high), abs=6e-5)


def test_strata_are_compared_within_themselves() -> None:
    # Within each share nothing differs; pooled, 9 of 10 hidden answers would be from the easy time, and seem better.
    assert difference_of_shares([(10, 20, 90, 180), (162, 180, 18, 20)])[0] == pytest.approx(0)
    # w = 10·10/20 = 5 and 30·10/40 = 7.5: d = (5 · 0.2 + 7.5 · 0.4) / 12.5.
    assert difference_of_shares([(8, 10, 6, 10), (27, 30, 5, 10)])[0] == pytest.approx(4 / 12.5)


def test_two_equal_strata_are_narrower_than_one() -> None:
    d, low, high = difference_of_shares([(40, 50, 30, 50)])
    both = difference_of_shares([(40, 50, 30, 50)] * 2)
    assert both[0] == pytest.approx(d)
    assert (both[0] - both[1], both[2] - both[0]) == pytest.approx(((d - low) / 2**0.5, (high - d) / 2**0.5))


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(1000):
        strata = [(*_arm(rng, 0.95, 40), *_arm(rng, 0.85, 12)), (*_arm(rng, 0.7, 25), *_arm(rng, 0.6, 25))]
        _, low, high = difference_of_shares(strata)
        held += low <= 0.1 <= high
    assert held > 930


def _arm(rng: np.random.Generator, share: float, n: int) -> tuple[int, int]:
    return int(rng.binomial(n, share)), n


def test_shown_against_hidden() -> None:
    found = sway(tossed((0.2, False, 72, 80), (0.2, True, 14, 20)))
    assert found["shown"] == {"n": 80, "same": 72, "share": pytest.approx(0.9), "seconds": 40.5}
    assert found["hidden"] == {"n": 20, "same": 14, "share": pytest.approx(0.7), "seconds": 10.5}
    assert tuple(found["difference"].values()) == pytest.approx(difference_of_shares([(72, 80, 14, 20)]))


def test_of_too_few_answers_nothing_is_said() -> None:
    found = sway(tossed((0.2, False, 72, 80), (0.2, True, 14, AT_LEAST - 1)))
    assert found["difference"] is None
    assert found["hidden"]["n"] == AT_LEAST - 1
    nobody = sway(tossed((0.5, False, 0, 0)))
    assert nobody["shown"] == nobody["hidden"] == {"n": 0, "same": 0, "share": None, "seconds": None}


def test_a_share_under_which_nothing_was_hidden_compares_with_nothing() -> None:
    found = sway(tossed((0.2, False, 72, 80), (0.2, True, 14, 20), (0.01, False, 5, 50)))
    assert found["shown"]["share"] == pytest.approx(0.9)
    assert found["difference"]["estimate"] == pytest.approx(0.2)


def test_medians_weigh_each_answer_by_one_over_its_probability() -> None:
    times = tossed((0.5, True, 0, 2), (0.1, True, 0, 1))
    # Weights 2, 2 and 10 of 1, 2 and 1 seconds: more than half lies at 1.
    assert sway(times)["hidden"]["seconds"] == 1.0
    unknown = Tossed(times.share, times.hidden, times.same, np.array([np.nan, 7.0, np.nan]))
    assert sway(unknown)["hidden"]["seconds"] == 7.0
