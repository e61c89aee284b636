"""Group commit: short pieces of work that wait at the same moment share one transaction, and one wait for the disk.

SQLite is told to wait for the disk at each commit, so that what was acknowledged survives even a power cut; a disk
takes milliseconds for that, which several people's answers share here. Each piece has a savepoint of its own: one that
fails is undone alone. Nobody is told that their work is done before the transaction they share has been committed.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app import jobs

if TYPE_CHECKING:
    from app.db import Database

T = TypeVar("T")
MOST = 64  # pieces in a transaction: at a third of a millisecond each, nobody else waits long for their turn


class Piece:
    """One piece of work: what it gave or raised, and who waits for that."""

    def __init__(self, work: Callable[[Session], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work, self.loop = work, loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.context = contextvars.copy_context()  # a job that it remembers carries its request's id
        self.result: Any = None
        self.error: BaseException | None = None
        self.remembered: list[tuple[str, tuple[int, ...]]] = []

    def run(self, connection: Connection) -> None:
        """Do the work in a savepoint. Raises what the savepoint itself raises: then the transaction is lost."""
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as db:
            try:
                self.result = self.context.run(self.work, db)
                db.commit()
                self.remembered = jobs.take(db)
            except Exception as error:  # whatever it is, it is for the one who waits for this piece
                self.error = error
                db.rollback()

    def settle(self) -> None:
        """Tell the one who waits; call it in their loop."""
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Group:
    """The thread that runs what waits, together, on one database."""

    def __init__(self, base: "Database") -> None:
        self._base = base
        self._waiting: SimpleQueue[Piece | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    async def run(self, work: Callable[[Session], T]) -> T:
        """What `work` gives, once it is committed; or raise what it or the commit raised."""
        piece = Piece(work, asyncio.get_running_loop())
        if self._thread is None:
            self._start()
        self._waiting.put(piece)
        result: T = await piece.future
        return result

    def close(self) -> None:
        """End the thread when it has done what waits."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="group-commit", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            pieces, is_last = [first], False
            with suppress(Empty):
                while len(pieces) < MOST and not is_last:
                    piece = self._waiting.get_nowait()
                    is_last = piece is None
                    pieces += [piece] if piece else []
            self._commit(pieces)
            if is_last:
                return

    def _commit(self, pieces: list[Piece]) -> None:
        try:
            with self._base.turn, self._base.writing.begin() as connection:
                for piece in pieces:
                    piece.run(connection)
            if self._base.checkpointer is not None:
                self._base.checkpointer.want()
        except Exception as error:  # nothing of the group is stored, whatever its pieces gave
            for piece in pieces:
                piece.error = piece.error or error
                piece.remembered = []
        for piece in pieces:
            if piece.remembered:
                piece.context.run(jobs.send_soon, piece.remembered)
        for loop in {piece.loop for piece in pieces}:
            mine = [piece for piece in pieces if piece.loop is loop]
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, mine)


def _settle(pieces: list[Piece]) -> None:
    for piece in pieces:
        piece.settle()
