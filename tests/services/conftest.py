"""What the tests of the services share: one thread for torch, or on a loaded machine each small fit waits for a core."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
