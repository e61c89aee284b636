"""The world that tests of the whole application share."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.db import Database
from app.web.api import rounds
from tests.web.world import World


@pytest.fixture
def world(
    data_dir: Any, database: Database, sent: Any, quick_passwords: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    async def one_event(*_: Any) -> Any:
        yield b": still here\n\n"

    monkeypatch.setattr(rounds, "_events", one_event)  # the stream has no end of its own
    made = World()
    yield made
    for client in made.clients:
        client.close()
