"""When labels are enough: agreement of successive models, and advice in words. Never a stop by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.data import IntArray
from app.core.evaluation.forecast import Forecast

STOP_SET = 2000
STABLE, IN_A_ROW = 0.99, 3
POINT = 0.01


def stop_rows(rows: int) -> IntArray:
    """The fixed random rows on which successive models are compared: all of a small pool, else 2,000, sorted.

    The same for the same number of rows; a pool that has grown shares most of them.
    """
    if rows <= STOP_SET:
        return np.arange(rows)
    keys = np.random.default_rng(0).random(rows)  # the k-th key does not depend on how many follow
    return np.sort(np.argpartition(keys, STOP_SET)[:STOP_SET])


def kappa(one: IntArray, other: IntArray) -> float:
    """Cohen's kappa of two predictions [n] of the same units: (p_o − p_e) / (1 − p_e).

    p_o: share of equal predictions; p_e = Σ_k p_k q_k, the share that would agree by chance. 1 where both predict one
    and the same class throughout. Cohen, "A coefficient of agreement for nominal scales", 1960.
    """
    agreed = float((one == other).mean())
    if agreed == 1.0:
        return 1.0
    classes = int(max(one.max(), other.max())) + 1
    p, q = (np.bincount(each, minlength=classes) / len(each) for each in (one, other))
    chance = float(p @ q)
    return (agreed - chance) / (1 - chance)


def is_stable(kappas: Sequence[float]) -> bool:
    """Stabilising predictions: the mean of the last three kappas, oldest first, is at least 0.99.

    Bloodgood & Vijay-Shanker, "A method for stopping active learning based on stabilizing predictions and the need for
    user-adjustable stopping", CoNLL 2009.
    """
    # Rounding must not decide: the mean of three times 0.99 is a little less than 0.99.
    return len(kappas) >= IN_A_ROW and float(np.mean(kappas[-IN_A_ROW:])) > STABLE - 1e-9


@dataclass(frozen=True)
class Advice:
    """What to tell the lead: a state (early, climbing, slowing, stable) and sentences, the most important first."""

    state: str
    said: tuple[str, ...]
    labels_for_a_point: float | None = None
    gain_of_a_batch: float | None = None


def advise(kappas: Sequence[float], changed: Sequence[float], to_come: Forecast | None, batch: int) -> Advice:
    """Advice from the kappas and the shares of changed predictions of successive models, and the forecast.

    `changed` is the criterion of classification change: Zhu, Wang & Hovy, "Multi-criteria-based strategy to stop active
    learning for data annotation", COLING 2008. Both "stand out" among thirteen criteria in Pullar-Strecker et al.,
    "Hitting the target: stopping active learning at the cost-based optimum", Machine Learning 2022.
    """
    stable = is_stable(kappas)
    said = [_stability(stable, changed)] if kappas else []
    if to_come is None:
        return Advice("stable" if stable else "early", tuple(said) or (_TOO_EARLY,))
    reach = to_come.labels[-1] - to_come.labels[0]
    needed = to_come.labels_for(POINT)
    flat = float(to_come.most[-1]) < POINT
    if flat:
        forecast = f"Even {about(reach)} more labels would bring less than a point, as far as the curve can tell."
    elif needed is None:
        forecast = f"{about(reach)} more labels are expected to bring less than a point."
    else:
        forecast = f"About {about(needed)} more labels for the next point of accuracy."
    state = "stable" if stable else "slowing" if needed is None else "climbing"
    said = [*said, forecast] if stable else [forecast, *said]
    return Advice(state, tuple(said), needed, to_come.gain(batch))


_TOO_EARLY = "It is too early to tell what more labels would bring."


def _stability(stable: bool, changed: Sequence[float]) -> str:
    last = changed[-1]
    if stable:
        return "Predictions have been stable for three rounds: more labels will hardly change the model."
    if last == 0:
        return "The latest labels changed no prediction; two more such rounds would say that the model is stable."
    return f"The latest labels still changed {_share(last)} of the predictions."


def _share(value: float) -> str:
    return "under 1\u00a0%" if value < 0.01 else f"{value:.0%}".replace("%", "\u00a0%")


def about(value: float) -> str:
    """A number of labels as a forecast can know it: two digits."""
    size = 10 ** max(0, len(str(int(value))) - 2)
    return f"{max(1, round(value / size)) * size:,}".replace(",", "\u202f")
