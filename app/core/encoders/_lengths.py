"""Texts of unlike lengths in batches: those of about one length together, so that little of the work is padding."""

from collections.abc import Sequence


def batches(lengths: Sequence[int], tokens: int, most: int) -> list[list[int]]:
    """Places in order of length, cut into batches of at most `most`, which padded hold at most `tokens` tokens.

    A text that is longer than that is a batch of its own. Equal lengths keep their order.
    """
    found: list[list[int]] = []
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (len(batch) >= most or (len(batch) + 1) * lengths[place] > tokens):
            found.append(batch)
            batch = []
        batch.append(place)
    return [*found, batch] if batch else found
