"""Which rows of a file say what an earlier one said: found in memory that does not grow with the file.

A set of a million digests takes a hundred megabytes. Here digests go to a temporary file, and are sorted a part at a
time, each part being those with a common remainder.
"""

from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

GOOD, DUPLICATE, REFUSED = 0, 1, 2
PART_ROWS = 2**19  # sorted at a time
_READ_ROWS = 2**16
_BUFFER_BYTES = 2**20
_RECORD = np.dtype([("digest", "<u8", 2), ("name", "<u8", 2)])
_NAMELESS = bytes(16)
Records = npt.NDArray[Any]
Marks = npt.NDArray[np.uint8]


class Distinct:
    """The digests of a file's rows, and of their external ids, in order."""

    def __init__(self, folder: Path, file: IO[bytes] | None = None) -> None:
        """`file`: one of another process's, which goes on at its end."""
        self._file: IO[bytes] = file or TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self._buffer = bytearray()
        self.rows = self._file.seek(0, 2) // _RECORD.itemsize

    def close(self) -> None:
        """Let the temporary file go."""
        self._file.close()

    def add(self, digest: bytes, name: str | None) -> None:
        """One more row: the digest of its content (16 bytes), and its external id, if it has one."""
        self._buffer += digest
        self._buffer += blake2b(name.encode(), digest_size=16).digest() if name else _NAMELESS
        self.rows += 1
        if len(self._buffer) >= _BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the file."""
        self._file.write(self._buffer)
        self._buffer.clear()

    def marks(self) -> Marks:
        """For each row GOOD, DUPLICATE (its content stands before), or REFUSED (its external id names other content).

        The same as one pass with a set of contents and a map of names would say; a refused row is as if not there.
        """
        self.flush()
        marks = np.zeros(self.rows, np.uint8)
        parts = max(1, -(-self.rows // PART_ROWS))
        for part in range(parts):
            rows, records = self._part("digest", part, parts)
            marks[rows[_repeated(records["digest"])]] = DUPLICATE
        torn = [self._torn(part, parts) for part in range(parts)]
        self._settle(marks, np.concatenate(torn))
        return marks

    def _part(self, field: str, part: int, parts: int) -> tuple[npt.NDArray[np.int64], Records]:
        """The rows whose field has this remainder, in order, and their records; without a name, none of "name"."""
        rows, found = [], []
        for start, block in self._blocks():
            wanted = block[field][:, 0] % np.uint64(parts) == part
            if field == "name":
                wanted &= block[field].any(axis=1)
            rows.append(start + np.flatnonzero(wanted))
            found.append(block[wanted])
        return np.concatenate([np.empty(0, np.int64), *rows]), np.concatenate([np.empty(0, _RECORD), *found])

    def _blocks(self) -> Any:
        self._file.seek(0)
        start = 0
        while data := self._file.read(_READ_ROWS * _RECORD.itemsize):
            block = np.frombuffer(data, _RECORD)
            yield start, block
            start += len(block)

    def _torn(self, part: int, parts: int) -> Records:
        """The digests of all rows whose external id names more than one content."""
        _, records = self._part("name", part, parts)
        order = np.lexsort((records["name"][:, 1], records["name"][:, 0]))
        names, digests = records["name"][order], records["digest"][order]
        starts = np.concatenate([[True], (names[1:] != names[:-1]).any(axis=1)]) if len(names) else np.empty(0, bool)
        group = np.cumsum(starts) - 1
        first = digests[np.flatnonzero(starts)][group] if len(names) else digests
        is_torn = np.zeros(int(group[-1]) + 1 if len(group) else 0, bool)
        is_torn[group[(digests != first).any(axis=1)]] = True
        return records["digest"][order][is_torn[group]] if len(group) else records["digest"]

    def _settle(self, marks: Marks, torn: Records) -> None:
        """Judge the rows around a torn name one after the other; all others are as they were marked."""
        wanted = {digest.tobytes() for digest in torn}
        if not wanted:
            return
        seen: set[bytes] = set()
        names: dict[bytes, bytes] = {}
        firsts = np.unique(torn[:, 0])
        for start, block in self._blocks():
            for at in np.flatnonzero(np.isin(block["digest"][:, 0], firsts)):
                digest, name = block[at]["digest"].tobytes(), block[at]["name"].tobytes()
                if digest not in wanted:
                    continue
                if digest in seen:
                    marks[start + at] = DUPLICATE
                elif name != _NAMELESS and names.setdefault(name, digest) != digest:
                    marks[start + at] = REFUSED
                else:
                    marks[start + at] = GOOD
                    seen.add(digest)


def _repeated(digests: Records) -> npt.NDArray[np.int64]:
    """The places of all digests but the first of each kind."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: equal ones stay in the file's order
    same = (digests[order[1:]] == digests[order[:-1]]).all(axis=1)
    repeated: npt.NDArray[np.int64] = order[1:][same]
    return repeated
