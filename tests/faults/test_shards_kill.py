"""A worker is killed or frozen inside a shard: another goes on, and the round is published once, every item scored."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.shard_site import ROWS, SHARD_ROWS, Site, made, missing_for

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("supervisor")]


@pytest.mark.parametrize("kind", ["embedded", "deployed", "bucket"])
def test_shards_are_taken_over_and_rounds_cancelled(kind: str, tmp_path: Path) -> None:
    if why_not := missing_for(kind):
        pytest.skip(why_not)
    with made(kind, tmp_path) as site:
        _a_frozen_helper(site)
        _a_frozen_holder(site)
        _a_cancelled_round(site)
        _a_killed_worker(site, is_holder=False)
        if kind == "embedded":  # there it is started again; of the others one is left
            _a_killed_worker(site, is_holder=True)
        _assert_kept_whole(site)


def _a_frozen_helper(site: Site) -> None:
    before = site.queue_round()
    site.ask()
    frozen = site.caught(is_holder=False)
    try:
        _assert_progress_is_shown(site)
        site.wait(lambda: site.queue_round().number > before.number)
        _assert_published_once(site)
        published, said = site.queue_round(), site.predictions()
    finally:
        os.kill(frozen, signal.SIGCONT)
    site.until_idle(frozen)
    now = site.queue_round()
    assert (now.id, now.published_at, now.metrics) == (published.id, published.published_at, published.metrics)
    assert site.predictions() == said


def _assert_progress_is_shown(site: Site) -> None:
    """It grows while the frozen one holds its shard."""

    def done() -> int:
        shown = site.rounds()[0]["shards"]
        if shown is None:
            return ROWS  # all was done between two looks
        assert shown["of"] == ROWS // SHARD_ROWS
        assert 0 <= shown["done"] < shown["of"]
        return int(shown["done"])

    first = done()
    assert first < ROWS, "the frozen one holds a shard: the round cannot be over before its lease is"
    site.wait(lambda: done() > first)


def _a_frozen_holder(site: Site) -> None:
    """The round's own worker: another begins it anew, and the late one's is refused."""
    before = site.queue_round()
    site.ask()
    frozen = site.caught(is_holder=True)
    (late,) = [one for one in site.rounds() if one["state"] == "open"]
    try:
        site.wait(lambda: site.queue_round().number > before.number)
        published, said = site.queue_round(), site.predictions()
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert published.id != late["id"]
    site.until_idle(frozen)
    assert site.queue_round().id == published.id
    assert {one["id"]: one["state"] for one in site.rounds()}[late["id"]] == "failed"
    assert site.predictions() == said
    _assert_published_once(site)


def _a_cancelled_round(site: Site) -> None:
    before = site.queue_round()
    site.ask()
    site.wait(lambda: any(one.is_done for one in site.shards()))
    assert site.lead.call("POST", f"/projects/{site.project}/rounds/cancel") == {"cancelled": True}
    assert site.rounds()[0]["state"] == "cancelled"
    assert (site.shards(), site.queue_round().id) == ([], before.id)
    site.ask()
    site.wait(lambda: site.queue_round().number > before.number)
    _assert_published_once(site)


def _a_killed_worker(site: Site, is_holder: bool) -> None:
    before = site.queue_round()
    site.ask()
    caught = site.caught(is_holder)
    with suppress(ProcessLookupError):
        os.kill(caught, signal.SIGKILL)
    site.wait(lambda: site.queue_round().number > before.number)
    _assert_published_once(site)


def _assert_published_once(site: Site) -> None:
    """One round is the queue's, nothing of it is left to do, and it says something of every item."""
    number = site.queue_round().number
    states = [one["state"] for one in site.rounds() if one["number"] >= number]
    assert states == ["published"]
    assert site.shards() == []
    assert [one["round"] for one in site.predictions() if one is not None] == [number] * ROWS


def _assert_kept_whole(site: Site) -> None:
    checked = site.place.command("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
