"""The rows of a checked file between checking and adding: in a temporary file, each with what became of it."""

import marshal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from app.errors import BadInput
from app.services.upload_distinct import DUPLICATE, GOOD, REFUSED, Distinct, Marks
from app.services.upload_journal import Journal
from app.services.upload_rows import Candidate

ERRORS_KEPT = 1000
BLOCK_ROWS = 5000


@dataclass
class Refusals:
    """The refused rows: all are counted, the first are kept."""

    count: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, place: dict[str, Any], error: str) -> None:
        """Refuse one row."""
        self.count += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append({**place, "error": error})

    def as_input_error(self, file_name: str) -> BadInput:
        """The refusal of the whole upload because of these."""
        what = "1 row is" if self.count == 1 else f"{self.count:,} rows are"
        detail = f"{what} refused in {file_name}; nothing was added."
        return BadInput(detail, errors=list(self.errors), added=0, refused_count=self.count)


class Checked:
    """A checked file: its rows that can become items, in order, and which of them will.

    Memory holds one block of rows, and a byte for each row. With a journal, it begins with what that holds.
    """

    def __init__(self, folder: Path, journal: Journal | None = None) -> None:
        self.marks: Marks = np.empty(0, np.uint8)
        self.journal = journal
        self.passed = journal.passed if journal else 0  # rows of the file that were read, whatever became of them
        self.refusals = Refusals(*journal.refused) if journal else Refusals()
        self.answered = 0  # rows with an answer that were read by this check, whatever becomes of them
        self._spool: IO[bytes] = journal.rows if journal else TemporaryFile(dir=folder)  # noqa: SIM115 - see `close`
        self._distinct = Distinct(folder, journal.digests if journal else None)
        self._block: list[tuple[Any, ...]] = []
        self._spool.seek(0, 2)

    def __enter__(self) -> "Checked":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the temporary files go."""
        if self.journal:
            self.journal.forget()  # while it is locked: it could be another's a moment later
        self.suspend()

    def suspend(self) -> None:
        """Let go what was interrupted; a journal stays, and whoever checks the same file again goes on."""
        self._spool.close()
        self._distinct.close()

    @property
    def read(self) -> int:
        """How many rows are here, whatever becomes of them."""
        return self._distinct.rows

    @property
    def good(self) -> int:
        """How many rows will be added."""
        return int(np.count_nonzero(self.marks == GOOD))

    @property
    def good_bytes(self) -> int:
        """How many bytes these take; all rows are read again for it."""
        return sum(one.size for one in self.candidates())

    @property
    def duplicates(self) -> int:
        """How many rows say what an earlier row, or an item of the project, says already."""
        return int(np.count_nonzero(self.marks == DUPLICATE))

    def put(self, one: Candidate) -> None:
        """Append a row."""
        self.answered += one.answer is not None
        self._block.append(tuple(one))  # marshal writes no named tuples
        self._distinct.add(one.digest, one.external_id)
        if len(self._block) >= BLOCK_ROWS:
            self._flush()

    def note_passed(self) -> None:
        """One more row of the file was read; now and then, the journal is brought up to here."""
        self.passed += 1
        if self.journal and self.journal.is_due():
            self._flush()
            self._distinct.flush()
            self.journal.write(self.passed, self.refusals.count, self.refusals.errors)

    def _flush(self) -> None:
        if self._block:
            told = marshal.dumps(self._block)
            self._spool.write(len(told).to_bytes(8, "little"))
            self._spool.write(told)
            self._block = []

    def settle(self) -> None:
        """After the last row: find those that say what another says."""
        self._flush()
        self.marks = self._distinct.marks()
        if self.journal:
            self.journal.write(self.passed, self.refusals.count, self.refusals.errors)
        self._refuse(lambda name: f"Its external id {name} stands before, with other content.")

    def mark(self, start: int, marks: Marks) -> None:
        """Say what becomes of the rows from `start` on; only good ones can become anything else."""
        self.marks[start : start + len(marks)] = marks

    def refuse_taken(self) -> None:
        """Refuse the rows that were marked so: another item has their external id."""
        self._refuse(lambda name: f"Its external id {name} is another item's in this project.")

    def _refuse(self, why: Any) -> None:
        if not np.any(self.marks == REFUSED):
            return
        for start, block in self.blocks():
            for at in np.flatnonzero(self.marks[start : start + len(block)] == REFUSED):
                self.refusals.add(block[at].place, why(block[at].external_id))
        self.marks[self.marks == REFUSED] = REFUSED + 1  # told
        self.refusals.errors.sort(key=lambda error: error.get("line", 0))

    def blocks(self) -> Iterator[tuple[int, list[Candidate]]]:
        """All rows as (number of the first, rows)."""
        self._spool.seek(0)
        start = 0
        while start < self.read:
            told = self._spool.read(int.from_bytes(self._spool.read(8), "little"))
            block = [Candidate(*row) for row in marshal.loads(told)]  # noqa: S302 - a file of our own, without a name
            yield start, block
            start += len(block)

    def candidates(self) -> Iterator[Candidate]:
        """The rows that will be added."""
        for start, block in self.blocks():
            yield from (block[at] for at in np.flatnonzero(self.marks[start : start + len(block)] == GOOD))
