"""Texts of unlike lengths in batches: those of about one length together, so that little of the work is padding."""

from collections.abc import Sequence


def batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Places in order of length, cut into batches that hold at most `tokens` tokens, padding included.

    A text that is longer than that is a batch of its own. Equal lengths keep their order.
    """
    found: list[list[int]] = []
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (len(batch) + 1) * max(lengths[place], 1) > tokens:
            found.append(batch)
            batch = []
        batch.append(place)
    return [*found, batch] if batch else found
