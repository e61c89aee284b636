"""What a setting may be is told by the plug-in's source, and checked before anything is saved."""

import subprocess
import sys

import pytest

from app.core import plugins
from app.core.learners import Learner
from app.core.strategies import Strategy

BASES = {"strategies": Strategy, "learners": Learner}


@pytest.mark.parametrize(
    ("room", "spec", "said"),
    [
        ("strategies", {"name": "power", "score": "nothing"}, "power: score must be one of bald, entropy, "),
        (
            "strategies",
            {"name": "power", "score": "falcun"},
            "least_confidence, margin, mnlp, variation_ratio, not 'fal",
        ),
        ("strategies", {"name": "power", "score": "random"}, "not 'random'"),
        ("strategies", {"name": "power", "beta": -1}, "power: beta must be at least 0, not -1.0"),
        ("strategies", {"name": "eps_mix", "base": "eps_mix"}, "eps_mix: base must be one of auto, "),
        ("strategies", {"name": "eps_mix", "epsilon": 1.5}, "eps_mix: epsilon must be at most 1, not 1.5"),
        ("learners", {"name": "mlp", "layers": "3"}, "mlp: layers must be at most 2, not 3"),
        ("learners", {"name": "mlp", "dropout": "nan"}, "mlp: dropout must be float, not 'nan'"),
        ("learners", {"name": "mlp", "hidden": 1e400}, "mlp: hidden must be int, not inf"),
        ("learners", {"name": "mlp", "hidden": 12.5}, "mlp: hidden must be int, not 12.5"),
        ("encoders", {"name": "transformer", "pooling": "max"}, "transformer: pooling must be one of mean, cls"),
    ],
)
def test_a_value_that_a_setting_does_not_allow_is_refused_by_name(room, spec, said):
    with pytest.raises(plugins.UnknownPlugin) as refused:
        plugins.check(room, spec)
    assert said in str(refused.value)


def test_the_ends_of_a_range_are_allowed():
    assert plugins.check("strategies", {"name": "eps_mix", "epsilon": "0"})["epsilon"] == 0
    assert plugins.check("strategies", {"name": "eps_mix", "epsilon": 1})["epsilon"] == 1


@pytest.mark.parametrize("room", BASES)
def test_whatever_is_allowed_can_be_made(room):
    for one in plugins.describe(room):
        for setting in one.settings:
            ends = setting.choices or tuple(end for end in (setting.low, setting.high) if end is not None)
            for value in (setting.default, *ends):
                plugins.make(room, plugins.check(room, {"name": one.name, setting.name: value}), BASES[room])


def test_every_number_has_bounds():
    for room in plugins.ROOMS:
        for one in plugins.describe(room):
            for setting in one.settings:
                if setting.type in ("int", "float"):
                    low, high = setting.low, setting.high
                    assert None not in (low, high), (one.name, setting.name)
                    assert low <= setting.default <= high, (one.name, setting.name)


def test_a_recipe_from_before_a_bound_still_runs():
    assert plugins.make("learners", {"name": "mlp", "layers": 5}, Learner) is not None


def test_choices_are_read_without_importing_torch():
    code = "import sys; from app.core import plugins; plugins.describe('strategies'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
