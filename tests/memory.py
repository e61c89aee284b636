"""The memory that a function takes at most, measured in a process of its own.

In the tests' process the threads that earlier tests left, and modules that are imported on the way, count as well.
"""

import multiprocessing
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor


def peak_of(function: Callable[..., object], *args: object) -> int:
    """Bytes that a module's function held at once, beyond what it began with; its second call is measured."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(_peak, function, args).result()


def _peak(function: Callable[..., object], args: tuple[object, ...]) -> int:
    function(*args)
    tracemalloc.start()
    function(*args)
    return tracemalloc.get_traced_memory()[1]
