"""How long choosing 100 of many items takes, and how much memory: each contestant in a process of its own.

`python -m tests.benchmarks.learning.speed NAME ITEMS` measures one and prints it as JSON.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.core import plugins
from app.core.data import FloatArray, Pool
from app.core.learners import Learner
from app.core.strategies import Strategy
from app.core.strategies.margin import uncertainty
from tests.benchmarks.learning import contestants, stamp
from tests.benchmarks.learning.data import sources
from tests.benchmarks.learning.model import LEARNER
from tests.loop.data import ROOT

PATH = ROOT / "docs" / "benchmarks" / "learning" / "speed.jsonl"
DIMENSIONS, CLASSES, LABELS, CHOSEN = 384, 77, 1000, 100
SIZES = (100_000, 1_000_000)
RUNS = 3
# One thread and its processor time: what another program does meanwhile changes neither much.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SECONDS, GIGABYTES = 600, 14  # what one contestant may take, the making of the data aside
LARGER = 30  # seconds for the smaller pool, with which a contestant is tried on the larger one
ENOUGH = 20  # seconds of one contestant's, from which on it is not measured again


def measure(names: list[str], quick: bool, older: bool) -> list[dict[str, Any]]:
    """Every contestant at every size, kept from before where its code is the same; a larger pool only for those that
    managed the smaller one. With `older` what was kept, of whatever code, and nothing is measured.
    """
    path, found = sources.cache() / "speed.jsonl", []
    lines = [line for file in (PATH, path) if file.exists() for line in file.read_text(encoding="utf-8").splitlines()]
    kept = {one["key"].rsplit("/", 1)[0] if older else one["key"]: one for one in map(json.loads, lines)}
    for name in names:
        for size in (10_000,) if quick else SIZES:
            key = f"{name}/{size}" if older else f"{name}/{size}/{_stamp(name)}"
            if key not in kept and not older:
                kept[key] = {"key": key, "name": name, "size": size, **_in_a_process(name, size)}
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(kept[key]) + "\n")
                print({k: v for k, v in kept[key].items() if k != "key"}, flush=True)
            if key in kept:
                found.append(kept[key])
            if kept.get(key, {}).get("seconds", np.inf) > LARGER:
                break
    return found


def keep(speeds: list[dict[str, Any]]) -> None:
    """Write what is shown into the repository, so that the report can be made again from it."""
    lines = [json.dumps(one) for one in sorted(speeds, key=lambda one: (one["name"], one["size"]))]
    PATH.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _stamp(name: str) -> str:
    return stamp.of(("tests.benchmarks.learning.speed", *contestants.everyone()[name].sources))


def _in_a_process(name: str, size: int) -> dict[str, Any]:
    """{"seconds", "gigabytes"}, or {"failed": why}."""
    made = _data(size)  # before the clock starts
    asked = [sys.executable, "-m", __name__, name, str(size), str(made)]
    done = subprocess.run(asked, capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
    if done.returncode == -signal.SIGXCPU:
        return {"failed": f"more than {SECONDS} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["ended by the system"])[-1]
        return {"failed": f"more than {GIGABYTES} GB" if "Memory" in last or "ended" in last else last[:120]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _data(size: int) -> Path:
    """Features [size, 384] around 77 centres, and 1,000 labelled rows more, in a file that is made once."""
    path = sources.cache() / f"speed-{size}.npy"
    if not path.exists():
        rng = np.random.default_rng(5)
        centres = rng.normal(size=(CLASSES, DIMENSIONS)).astype(np.float32)
        X = rng.standard_normal((size + LABELS, DIMENSIONS), np.float32)
        X += 0.35 * centres[np.arange(len(X)) % CLASSES]
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        np.save(path.with_suffix(".partial.npy"), X)
        path.with_suffix(".partial.npy").rename(path)
    return path


def _one(name: str, size: int, path: str) -> dict[str, float]:
    """{"seconds": median of one processor's, "gigabytes": peak of resident memory above that of the data}."""
    X = np.load(path)
    held, X = X[size:], X[:size]
    learner, probabilities = _model(held, X)
    strategy = _strategy(name)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far was that of making the data
    limit = (_memory("VmSize") + (GIGABYTES << 20)) << 10
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    ends = int(time.process_time()) + SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (ends, ends + 5))
    taken: list[float] = []
    while len(taken) < RUNS and sum(taken) < ENOUGH:
        began = time.process_time()
        _choose(strategy, X, probabilities, held, learner)
        taken.append(time.process_time() - began)
    grown = _memory("VmHWM") - before
    return {"seconds": round(float(np.median(taken)), 4), "gigabytes": round(grown / 2**20, 2)}


def _memory(field: str) -> int:
    """Kilobytes of this process, as Linux tells them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))


def _choose(strategy: Strategy, X: FloatArray, P: FloatArray, held: FloatArray, learner: Learner) -> None:
    """As a round does it: a strategy that compares features sees its `most` most uncertain items; a library's, all."""
    rng, rows = np.random.default_rng(0), np.arange(len(X))
    if strategy.needs_features and 0 < strategy.most < len(X):
        if strategy.needs_model:
            doubt = uncertainty(P)
            rows = np.sort(np.argpartition(-doubt, strategy.most)[: strategy.most])
        else:
            rows = np.sort(rng.choice(len(X), strategy.most, replace=False))
        X, P = X[rows], P[rows]
    features = X if strategy.needs_features else X[:, :0]
    pool = Pool(
        features=features,
        probabilities=P,
        owner=np.arange(len(P)),
        held=held if strategy.needs_features else held[:, :0],
        samples=learner.sample(X, strategy.needs_samples, rng) if strategy.needs_samples else None,
        head=learner.head() if strategy.needs_head else None,
        inputs=X if strategy.needs_head else None,
    )
    chosen = strategy.rank(pool, CHOSEN, rng).rows
    if len(np.unique(chosen)) != CHOSEN:
        raise ValueError("it did not choose 100 different items")


def _model(held: FloatArray, X: FloatArray) -> tuple[Learner, FloatArray]:
    learner = plugins.make("learners", LEARNER, Learner)
    targets = np.eye(CLASSES, dtype=np.float32)[np.arange(len(held)) % CLASSES]
    none = np.zeros(len(held), np.int64)
    learner.fit(held, targets, np.ones(len(held), np.float32), True, np.random.default_rng(0), none, 0, None, None)
    return learner, np.concatenate([learner.predict(X[i : i + 65_536]) for i in range(0, len(X), 65_536)])


def _strategy(name: str) -> Strategy:
    if name in plugins.names("strategies"):
        return plugins.make("strategies", {"name": name}, Strategy)
    return next(one for one in contestants.peers() if one.name == name)


if __name__ == "__main__":
    print(json.dumps(_one(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
