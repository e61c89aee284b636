"""Threads for short work: everyone's turn, everyone's own result, and an end that loses nothing."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from app.hands import Hands

WHO = contextvars.ContextVar("who", default="nobody")


@pytest.fixture
def hands() -> Iterator[Hands]:
    made = Hands(2)
    yield made
    made.close()


def test_more_pieces_than_threads_are_all_done_in_the_order_in_which_they_came(hands: Hands) -> None:
    gate, begun = threading.Event(), list[int]()

    def work(number: int) -> tuple[int, str]:
        begun.append(number)
        gate.wait()
        return number, threading.current_thread().name

    async def all_of_them() -> list[tuple[int, str]]:
        tasks = [asyncio.create_task(hands.run(lambda number=number: work(number))) for number in range(20)]  # type: ignore[misc]
        while len(begun) < 2:
            await asyncio.sleep(0.001)
        gate.set()
        return await asyncio.gather(*tasks)

    found = asyncio.run(all_of_them())
    assert [number for number, _ in found] == list(range(20))
    assert len({name for _, name in found}) == 2
    # Which of two threads that begin at the same moment writes first is theirs; nobody is passed by more than that.
    assert all(abs(place - number) <= 1 for place, number in enumerate(begun))


def test_one_after_the_other_is_one_thread(hands: Hands) -> None:
    async def in_turn() -> set[int]:
        return {await hands.run(threading.get_ident) for _ in range(10)}

    assert len(asyncio.run(in_turn())) <= 2  # a thread may not lie idle yet at the moment when it is asked again


def test_what_a_piece_raises_is_raised_to_who_waits_and_the_thread_goes_on(hands: Hands) -> None:
    def fail() -> None:
        raise ValueError("of its own")

    async def both() -> str:
        with pytest.raises(ValueError, match="of its own"):
            await hands.run(fail)
        return await hands.run(lambda: "goes on")

    assert asyncio.run(both()) == "goes on"


def test_a_piece_sees_the_context_of_who_asked(hands: Hands) -> None:
    async def asking(name: str) -> str:
        WHO.set(name)
        return await hands.run(WHO.get)

    async def both() -> list[str]:
        return await asyncio.gather(asking("alice"), asking("bob"))

    assert asyncio.run(both()) == ["alice", "bob"]


def test_who_no_longer_waits_breaks_nothing(hands: Hands) -> None:
    gate, done = threading.Event(), threading.Event()

    def work() -> None:
        gate.wait()
        done.set()

    async def give_up() -> str:
        task = asyncio.create_task(hands.run(work))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        gate.set()
        return await hands.run(lambda: "next")

    assert asyncio.run(give_up()) == "next"
    assert done.wait(30)


def test_closing_does_what_waits_and_takes_no_more() -> None:
    made, gate, done = Hands(1), threading.Event(), list[int]()

    def work(number: int) -> None:
        gate.wait()
        done.append(number)

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(made.run(lambda number=number: work(number))) for number in range(5)]  # type: ignore[misc]
        await asyncio.sleep(0)
        closing = threading.Thread(target=made.close)
        closing.start()
        gate.set()
        await asyncio.gather(*tasks)
        closing.join()
        with pytest.raises(RuntimeError, match="closed"):
            await made.run(lambda: work(9))

    asyncio.run(all_of_them())
    assert done == [0, 1, 2, 3, 4]
