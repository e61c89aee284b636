"""The device that networks run on: one for a process, chosen before its first model is loaded."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

# What runs at a time where memory is the device's own and wide products are what it is for.
WIDER = {"cpu": 1}
WIDER_ELSEWHERE = 16

_chosen: list[torch.device] = []


class NoDeviceError(ValueError):
    """The device that was asked for is not there; the message is a sentence for people."""


def use(name: str) -> torch.device:
    """Choose by a name of torch's ("cpu", "cuda", "cuda:1", "mps", …) or "auto": a GPU where there is one.

    Raises NoDeviceError. Models that are loaded already stay where they are.
    """
    try:
        device = torch.device(_best() if name == "auto" else name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise NoDeviceError(f"There is no device {name} here: {str(error).splitlines()[0][:200]}") from error
    _chosen[:] = [device]
    return device


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def device() -> torch.device:
    """The device in use; where nobody chose, the best there is."""
    return _chosen[0] if _chosen else use("auto")


def mixed() -> AbstractContextManager[Any]:
    """Mixed precision while encoding on CUDA: half the memory and several times the speed, three digits of features."""
    return torch.autocast("cuda", dtype=torch.float16) if device().type == "cuda" else nullcontext()


def batch(on_cpu: int) -> int:
    """How much runs at a time on this device, of what suits a processor's cache."""
    return on_cpu * WIDER.get(device().type, WIDER_ELSEWHERE)
