"""The folder of a simulation (`--out`): a file for each finished replay, so that a killed one goes on where it was."""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from app import core
from app.core import plugins
from app.errors import Conflict
from app.store import writing

PLAN = "plan.json"
NAMES = {
    "data": "the data",
    "encoder": "the encoder",
    "labels": "--labels",
    "batch": "--batch",
    "is_calibrated": "--calibrate",
    "test_share": "the share that is tested on",
    "cold_start": "--cold-start",
    "aggregation": "the aggregation",
    "random_share": "the share asked at random",
}

Names: TypeAlias = tuple[str, str, int]
CORE = Path(core.__file__).parent


class Folder:
    """Results of replays by (strategy, learner, seed). Every file appears whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "runs"

    def open(self, fixed: dict[str, Any]) -> None:
        """Begin, or go on. Raises Conflict where it holds something else than this simulation."""
        before = self._plan()
        if before is None:
            if self.path.exists() and any(self.path.iterdir()):
                raise Conflict(f"{self.path} is not empty and holds no simulation; choose another --out.")
            self.runs.mkdir(parents=True, exist_ok=True)
            with writing(self.path / PLAN) as file:
                file.write(json.dumps(fixed, indent=1, sort_keys=True).encode())
            return
        other = [name for name in sorted({*before, *fixed}) if before.get(name) != fixed.get(name)]
        if other:
            told = ", ".join(_difference(name, before.get(name), fixed.get(name)) for name in other)
            raise Conflict(f"{self.path} holds another simulation: {told} differs. Choose another --out.")

    def _plan(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.path / PLAN).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (NotADirectoryError, ValueError):
            raise Conflict(f"{self.path} holds something else than a simulation; choose another --out.") from None
        return found

    def done(self, wanted: Sequence[Names]) -> dict[Names, dict[str, Any]]:
        """The results of these that are finished; what another version of the code played is played again."""
        found = {}
        for names in wanted:
            path = self._file(names)
            if path.exists():
                one = json.loads(path.read_text(encoding="utf-8"))
                if one.pop("code", None) == self._code(names):
                    found[names] = one
        return found

    def keep(self, result: dict[str, Any]) -> None:
        """Put one result on the disk."""
        names = (result["strategy"], result["learner"], result["seed"])
        with writing(self._file(names)) as file:
            file.write(json.dumps({**result, "code": self._code(names)}).encode())

    def _code(self, names: Names) -> str:
        """A digest of the code that this replay depends on."""
        cold_start = (self._plan() or {}).get("cold_start") or {}
        strategies = frozenset({names[0].partition(":")[0], cold_start.get("name", "")} - {""})
        return digest(strategies, names[1].partition(":")[0])

    def _file(self, names: Names) -> Path:
        strategy, learner, seed = names
        plain = re.sub(r"[^\w.]+", "_", f"{strategy or 'all_labels'}-{learner}")[:60]
        # Two specs that differ in a sign only must not share a file.
        digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:8]
        return self.runs / f"{plain}-{seed}-{digest}.json"


def _difference(name: str, before: Any, now: Any) -> str:
    told = NAMES.get(name, name)
    return f"{told} ({before} then, {now} now)" if isinstance(now, int | float) or name == "encoder" else told


@lru_cache(maxsize=256)
def digest(strategies: frozenset[str], learner: str) -> str:
    """Of the code that plays: all of the core but encoders, formats, and plug-ins that these do not name."""
    files = [path for path in CORE.rglob("*.py") if path.parent.name not in ("encoders", "formats")]
    shared = [path for path in files if path.parent.name not in ("strategies", "learners") or path.stem.startswith("_")]
    used = {CORE / "learners" / f"{learner}.py"}
    open_names = set(strategies)
    while open_names:
        path = CORE / "strategies" / f"{open_names.pop()}.py"
        if path not in used:
            used.add(path)
            words = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
            open_names |= words & set(plugins.names("strategies"))  # one may give way to another
    made = hashlib.sha256()
    for path in sorted({*shared, *used}):
        made.update(path.name.encode() + b"\0" + path.read_bytes())
    return made.hexdigest()[:16]
