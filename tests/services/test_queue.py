import random
import threading
from collections.abc import Sequence
from datetime import timedelta
from itertools import zip_longest
from typing import Any

import pytest
from sqlalchemy import Integer, bindparam, event, select

from app.db import Database, reading, transaction
from app.errors import Forbidden
from app.models import Item, Lease, Project, QueueRow, Round, User
from app.services import choices, leases, queue
from tests.conftest import NOW, MakeProject

NEVER = random.Random(0)


class Coin(random.Random):
    """A coin that always falls on the same side."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:
        return self.value


HEADS, TAILS = Coin(0.0), Coin(0.999)


def claim(project: Project, user: User, n: int = 1, coin: random.Random = TAILS, now: Any = NOW) -> queue.Claims:
    with transaction() as db:
        return queue.claim(db, db.get_one(Project, project.id), user.id, n, now, coin)


def publish(project: Project, rows: list[int], propensities: Sequence[float | None] = ()) -> None:
    """A published round whose queue asks these rows in this order, of a strategy that draws with these propensities."""
    with transaction() as db:
        made = Round(
            project_id=project.id, number=1, state="published", opened_at=NOW, seed=1, recipe={}, pool_size=100,
            strategy="margin",
        )  # fmt: skip
        db.add(made)
        db.flush()
        for rank, (row, propensity) in enumerate(zip_longest(rows, propensities)):
            item = db.scalar(select(Item).where(Item.project_id == project.id, Item.row == row))
            assert item is not None
            how = {"score": 1.0 - rank / 10, "reason": "Because", "propensity": propensity}
            db.add(QueueRow(round_id=made.id, rank=rank, item_id=item.id, **how))
        db.get_one(Project, project.id).queue_round_id = made.id


def texts(claims: queue.Claims) -> list[str]:
    return [one.content["text"] for one in claims.items]


def slots(project: Project) -> list[int]:
    with reading() as db:
        return list(db.scalars(select(Item.slots).where(Item.project_id == project.id).order_by(Item.row)))


def test_it_works(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b", "c"])
    publish(project, [2, 0])
    claims = claim(project, bob, 3)
    assert texts(claims) == ["c", "a", "b"]
    assert [one.chosen_by for one in claims.items] == ["queue", "queue", "fallback"]
    assert slots(project) == [0, 0, 0]


def test_own_lease_comes_first_so_that_a_reload_costs_nothing(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b", "c"])
    first = claim(project, bob)
    again = claim(project, bob)
    assert first.items[0].lease_id == again.items[0].lease_id
    assert texts(claim(project, bob, 2)) == ["a", "b"]


def test_a_reload_renews_the_lease(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    claim(project, bob)
    later = claim(project, bob, now=NOW + timedelta(seconds=100))
    assert later.items[0].ends_at == NOW + timedelta(seconds=280)


def test_two_people_get_different_items(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a", "b"])
    publish(project, [1, 0])
    assert texts(claim(project, bob)) == ["b"]
    assert texts(claim(project, alice)) == ["a"]


def test_heads_asks_the_unanswered_item_with_the_smallest_key(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b", "c"])
    publish(project, [2])
    claims = claim(project, bob, coin=HEADS)
    assert texts(claims) == ["a"]
    assert claims.items[0].chosen_by == "random"
    with reading() as db:
        lease = db.scalars(select(Lease)).one()
        # 0.1 for the coin, one of three items; the queue's head is another one.
        assert lease.inclusion_probability == pytest.approx(0.1 / 3)
        assert lease.pool_size == 3


def test_a_random_draw_of_the_queues_head_counts_both_ways_of_choosing_it(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b"])
    publish(project, [0])
    claim(project, bob, coin=HEADS)
    with reading() as db:
        assert db.scalars(select(Lease)).one().inclusion_probability == pytest.approx(0.9 + 0.1 / 2)


def test_beside_a_queue_that_draws_probabilities_are_given_the_coin(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b", "c", "d"])
    publish(project, [3, 2], [0.4, 0.25])
    claim(project, bob, coin=TAILS)
    claim(project, bob, n=2, coin=HEADS)
    with reading() as db:
        found = {one.chosen_by: one for one in db.scalars(select(Lease))}
        assert found["queue"].inclusion_probability == 0.4
        assert found["random"].inclusion_probability == pytest.approx(1 / found["random"].pool_size)


def test_overlap_asks_as_many_people_as_wanted_and_nobody_twice(
    make_project: MakeProject, alice: User, bob: User, charlie: User
) -> None:
    project = make_project(["a"], recipe={"votes_wanted": 2})
    assert texts(claim(project, alice)) == ["a"]
    assert texts(claim(project, bob)) == ["a"]
    nothing = claim(project, charlie)
    assert (nothing.items, nothing.empty_reason) == ([], "all_leased")


def test_an_expired_lease_gives_its_slot_back_once(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a"])
    claim(project, bob)
    later = NOW + timedelta(seconds=181)
    for _ in range(2):
        with transaction() as db:
            leases.end_expired(db, later)
    assert slots(project) == [1]
    assert texts(claim(project, alice, now=later)) == ["a"]


def test_renewing_keeps_a_lease_and_tells_which_ones_live(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a"])
    lease = claim(project, bob).items[0].lease_id
    with transaction() as db:
        assert list(leases.renew(db, bob.id, [lease, 999], NOW + timedelta(seconds=170))) == [lease]
    with transaction() as db:
        assert leases.end_expired(db, NOW + timedelta(seconds=200)) == 0


def test_nobody_renews_or_releases_somebody_elses_lease(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a"])
    lease = claim(project, bob).items[0].lease_id
    with transaction() as db:
        assert leases.renew(db, alice.id, [lease], NOW) == {}
    with pytest.raises(Forbidden), transaction() as db:
        leases.release(db, alice.id, lease, NOW)


def test_releasing_gives_the_item_back_at_once(make_project: MakeProject, alice: User, bob: User) -> None:
    project = make_project(["a"])
    lease = claim(project, bob).items[0].lease_id
    for _ in range(2):
        with transaction() as db:
            leases.release(db, bob.id, lease, NOW)
    assert slots(project) == [1]
    assert texts(claim(project, alice)) == ["a"]


def test_an_empty_project_says_so(make_project: MakeProject, bob: User) -> None:
    assert claim(make_project([]), bob).empty_reason == "no_items"


def test_many_people_at_once_never_get_the_last_slot_twice(
    make_project: MakeProject, alice: User, bob: User, charlie: User
) -> None:
    project = make_project([f"text {number}" for number in range(60)])
    publish(project, list(range(59, -1, -1)))
    got: list[str] = []
    errors: list[Exception] = []

    def work(user: User) -> None:
        try:
            for _ in range(5):
                got.extend(texts(claim(project, user, 50, random.Random(user.id))))
        except Exception as error:
            errors.append(error)

    people = [threading.Thread(target=work, args=(user,)) for user in (alice, bob, charlie) for _ in range(4)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert not errors
    with reading() as db:
        leases = list(db.scalars(select(Lease.item_id)))
    assert len(leases) == len(set(leases)) == 60
    assert slots(project) == [0] * 60
    assert set(got) == {f"text {number}" for number in range(60)}


@pytest.mark.parametrize(
    ("source", "indexes"),
    [
        ("queue", {"pk_queue", "sqlite_autoindex_queue_1"}),
        ("random", {"ix_item_unsettled"}),
        ("fresh", {"ix_item_unsettled"}),
        ("rest", {"ix_item_open"}),
    ],
)
def test_no_claim_looks_at_all_items(
    make_project: MakeProject, bob: User, database: Database, source: choices.Source, indexes: set[str]
) -> None:
    """Sorting the pool at each claim would be right, too, and slow with a million items."""
    project = make_project([f"text {number}" for number in range(50)])
    told = {"project": project.id, "user": bob.id, "round": 1, "n": 1, "share": 0.1, "pool": 1, "base": 0.1}
    told |= {"head": None, "bonus": 0.0, "now": NOW, "ends": NOW}
    query = choices._pick(source).limit(bindparam("n", type_=Integer))
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    seen: list[tuple[str, Any]] = []
    with database.looking_up.connect() as connection:
        event.listen(connection, "before_cursor_execute", lambda *told: seen.append((told[2], told[3])))
        connection.execute(query, told).all()
        statement, parameters = seen[-1]
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))
    assert any(name in plan for name in indexes), plan
    assert "ORDER BY" not in plan, plan
    assert "Sort" not in plan, plan
