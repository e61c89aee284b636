"""The three questions that a lead has: how right the model is, whether the queue pays, and whether to stop.

Each is plain data, {"name", "question", "state", "answer", "figure", "unit", "estimate", "low", "high", "said"}: one
figure with its 95 % interval and one sentence. The page shows what REST tells, and nothing else.
"""

from typing import Any

from app.core.evaluation.forecast import Forecast
from app.core.evaluation.stopping import Advice, about

Question = dict[str, Any]
STATES = {
    "early": ("open", "Too early"),
    "climbing": ("no", "Not yet"),
    "slowing": ("soon", "Soon"),
    "stable": ("yes", "Yes"),
}


def questions(
    metrics: dict[str, Any], recipe: dict[str, Any], to_come: Forecast | None, advice: Advice
) -> list[Question]:
    """From the metrics of the newest measured round, empty before there is one, and what is to be expected."""
    return [
        _how_right(metrics.get("accuracy"), metrics.get("audit") or {}),
        _does_it_pay(metrics.get("verdict"), recipe["strategy"]["name"]),
        _can_it_stop(to_come, advice),
    ]


def _how_right(accuracy: dict[str, Any] | None, audit: dict[str, Any]) -> Question:
    asked = "How right is it right now?"
    if not accuracy:
        said = (
            "A share of the items is drawn at random; once some of those are answered, the model is measured on them."
        )
        return _open("right", asked, "Not known yet", said)
    said = (
        f"The model’s answers would be right this often, measured on {_count(accuracy['n'], 'item')} drawn at random."
    )
    if audit.get("skipped"):
        told = (("out_of_scope", "out of scope"), ("broken", "broken"))
        named = [f"{audit[name]:,} of them as {word}" for name, word in told if audit.get(name)]
        said += f" {audit['skipped']:,} more were drawn and {', '.join(['skipped', *named])}."
    return _known("right", asked, ("known", ""), _share(accuracy["estimate"]), "of all items", accuracy, _share, said)


def _does_it_pay(verdict: dict[str, Any] | None, strategy: str) -> Question:
    asked = "Does the queue pay?"
    if strategy == "random":
        return _open("pays", asked, "No queue", "This project asks at random.")
    if not verdict:
        said = "A model of the queue’s labels is compared with one of random labels once 30 random ones are answered."
        return _open("pays", asked, "Too early", said)
    states = {"better": ("yes", "Yes"), "worse": ("no", "No"), "open": ("open", "Not settled")}
    record = f"from {verdict['labels']:,} labels of each kind, tested on {_count(verdict['n'], 'item')} drawn at random"
    said = {
        "better": f"Asking by {strategy} taught more than asking at random would have, {record}.",
        "worse": f"Asking by {strategy} taught less than asking at random would have, {record}. {_way_out(strategy)}",
        "open": f"Whether asking by {strategy} teaches more than asking at random cannot be told apart yet, {record}.",
    }[verdict["verdict"]]
    found = {"estimate": verdict["difference"], "low": verdict["low"], "high": verdict["high"]}
    shown = _points(verdict["difference"])
    return _known("pays", asked, states[verdict["verdict"]], shown, _noun(shown), found, _points, said)


def _way_out(strategy: str) -> str:
    if strategy == "auto":
        return "It asks at random for now."
    return "Consider auto, which then asks at random, or random itself."


def _can_it_stop(to_come: Forecast | None, advice: Advice) -> Question:
    asked, states = "Can I stop?", STATES[advice.state]
    if to_come is None:
        return _open("stop", asked, states[1], advice.said[0]) | {"state": states[0]}
    more = float(to_come.labels[-1] - to_come.labels[0])
    gain = to_come.gain(more)
    found = {"estimate": gain, "low": float(to_come.least[-1]), "high": float(to_come.most[-1])}
    unit = f"{_noun(_points(gain))} for {about(more)} more labels"
    return _known("stop", asked, states, _points(gain), unit, found, _points, advice.said[0])


def _known(
    name: str,
    question: str,
    state: tuple[str, str],
    figure: str,
    unit: str,
    found: dict[str, Any],
    show: Any,
    said: str,
) -> Question:
    low, high = float(found["low"]), float(found["high"])
    return {
        "name": name,
        "question": question,
        "state": state[0],
        "answer": state[1],
        "figure": figure,
        "unit": unit,
        "estimate": float(found["estimate"]),
        "low": low,
        "high": high,
        "between": f"{show(low)} to {show(high)}",
        "said": said,
    }


def _open(name: str, question: str, answer: str, said: str) -> Question:
    nothing = dict.fromkeys(("figure", "unit", "estimate", "low", "high", "between"))
    return {"name": name, "question": question, "state": "open", "answer": answer, **nothing, "said": said}


def _share(value: float) -> str:
    return f"{100 * value:.0f}\u202f%"


def _points(value: float) -> str:
    """A difference of shares in points, with its sign: "+6", "−1", "0"."""
    shown = f"{100 * value:+.0f}"
    return "0" if shown in ("+0", "-0") else shown.replace("-", "−")


def _noun(shown: str) -> str:
    return "point" if shown.lstrip("+−") == "1" else "points"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else noun + 's'}"
