"""What the tests of the services share: one thread for torch, or each small fit waits for cores where others work."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
