"""Playing many replays at once, in processes of their own; one that is killed from outside is played once more."""

import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from app.errors import Conflict, Unavailable
from app.tether import die_with_parent

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from app.core.replays import Replay
    from app.core.simulate import Budget, Known

TRIES = 2
Pipe: TypeAlias = "connection.Connection[Any, Any]"
Result = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """What a process needs to play: the features lie in a file, which all of them map."""

    features: Path
    task_json: dict[str, Any]
    answers: Sequence[dict[str, Any] | None]
    recipe: dict[str, Any]
    budget: "Budget"

    def known(self) -> "Known":
        """The data set, in this process."""
        import numpy as np

        from app.core import tasks
        from app.core.data import ArrayFeatures, cuts_of, cuts_path
        from app.core.simulate import Known

        # Copy on write: torch takes no array that cannot be written to, and nobody writes.
        array = np.load(self.features, mmap_mode="c", allow_pickle=False)
        path = cuts_path(self.features)
        cuts = cuts_of(np.load(path, allow_pickle=False), len(self.answers)) if path.exists() else None
        return Known(tasks.load(self.task_json), ArrayFeatures(array, cuts), self.answers)


def play(source: Source, wanted: "Sequence[Replay]", jobs: int, after: Callable[[], None]) -> Iterator[Result]:
    """Results as they are finished; `after` is called after every round of any of them.

    Raises Conflict where a replay cannot be played, Unavailable where its process was killed twice.
    """
    if jobs == 1 or len(wanted) < 2:
        yield from _here(source, wanted, after)
        return
    team = _Team(source, wanted)
    try:
        yield from team.run(min(jobs, len(wanted)), after)
    finally:
        team.end()


def _here(source: Source, wanted: "Sequence[Replay]", after: Callable[[], None]) -> Iterator[Result]:
    import torch

    from app.core.replays import played

    torch.set_num_threads(1)
    known = source.known()
    for one in wanted:
        try:
            result = played(known, source.recipe, source.budget, one, after)
        except ValueError as error:
            raise Conflict(_told(one, str(error))) from error
        yield result


class _Team:
    """Processes that take replays off one list."""

    def __init__(self, source: Source, wanted: "Sequence[Replay]") -> None:
        self.source = source
        self.waiting = deque(wanted)
        self.killed: Counter[tuple[str, str, int]] = Counter()
        self.members: dict[Pipe, tuple[SpawnProcess, Replay]] = {}

    def run(self, size: int, after: Callable[[], None]) -> Iterator[Result]:
        for _ in range(size):
            self._hire()
        while self.members:
            for ready in connection.wait(list(self.members)):
                member = cast("Pipe", ready)
                one = self.members[member][1]
                try:
                    kind, told = member.recv()
                except (EOFError, OSError):
                    self._replace(member, one)
                    continue
                if kind == "round":
                    after()
                elif kind == "failed":
                    raise Conflict(_told(one, told))
                else:
                    yield told
                    self._give(member)

    def _hire(self) -> None:
        """One more process, with the next replay."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self.source, os.getpid()), daemon=True)
        process.start()
        theirs.close()  # its end of the pipe is the child's alone: that it closes tells of the child's end
        self.members[ours] = (process, self.waiting[0])
        self._give(ours)

    def _give(self, member: "Pipe") -> None:
        process = self.members[member][0]
        if not self.waiting:
            with suppress(OSError):
                member.send(None)
            del self.members[member]
            process.join()
            return
        one = self.waiting.popleft()
        self.members[member] = (process, one)
        with suppress(OSError):  # it has died; reading from it tells
            member.send(one)

    def _replace(self, member: "Pipe", one: "Replay") -> None:
        """Its process has died: by a signal, or for want of memory."""
        process, _ = self.members.pop(member)
        process.join()
        member.close()
        self.killed[one.names] += 1
        if self.killed[one.names] >= TRIES:
            raise Unavailable(
                f"{_told(one, 'its process was killed')} {TRIES} times (exit code {process.exitcode}); "
                "where memory is short, give fewer --jobs."
            )
        self.waiting.appendleft(one)
        self._hire()

    def end(self) -> None:
        for process, _ in self.members.values():
            process.kill()
            process.join()


def _work(pipe: "Pipe", source: Source, parent: int) -> None:
    """A process's life: a replay after the other, until there is none or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    if sys.platform == "linux":
        die_with_parent()
    if os.getppid() != parent:
        return
    import torch

    from app.core.replays import played

    torch.set_num_threads(1)
    with suppress(EOFError, OSError):  # the parent has gone
        known = source.known()
        while (one := pipe.recv()) is not None:
            try:
                result = played(known, source.recipe, source.budget, one, lambda: pipe.send(("round", None)))
            except ValueError as error:
                pipe.send(("failed", str(error)))
                return
            pipe.send(("done", result))


def _told(one: "Replay", error: str) -> str:
    strategy, learner, seed = one.names
    return f"{strategy or 'All labels'} with {learner}, seed {seed}: {error}"
