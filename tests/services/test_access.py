"""Who may do what, asked anew in every request: nothing is remembered that could let somebody in a moment longer."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.db import transaction
from app.errors import Forbidden, NotFound, NotSignedIn
from app.models import Item, Project, User
from app.services import access, projects, queue, users
from app.services.access import Access
from app.services.users import Key
from tests.conftest import NOW, MakeProject
from tests.services.test_queue import TAILS, claim, texts


def token(user: User, scope: str = "all", days: int | None = None) -> Key:
    with transaction() as db:
        return users.key_of(users.create_token(db, user.id, "test", scope, days, NOW), is_token=True)


def to_project(key: Key, project: Project, now: Any = NOW) -> Access:
    with transaction() as db:
        return access.to_project(db, key, project.id, now)


def to_item(key: Key, project: Project, now: Any = NOW) -> Access:
    with transaction() as db:
        item = db.scalars(select(Item.id).where(Item.project_id == project.id)).first()
        return access.to_item(db, key, item or 0, now)[0]


@pytest.fixture(params=[to_project, to_item])
def enter(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_it_works(make_project: MakeProject, alice: User, bob: User, enter: Any) -> None:
    project = make_project(["a"])
    found = enter(token(bob), project)
    assert (found.caller.email, found.role, found.may_review) == (bob.email, "annotator", False)
    assert (found.project.id, found.project.next_row, found.project.recipe["votes_wanted"]) == (project.id, 1, 1)
    assert enter(token(alice), project).role == "lead"


def test_a_cookie_opens_as_a_token_does(make_project: MakeProject, bob: User, enter: Any) -> None:
    project = make_project(["a"])
    with transaction() as db:
        secret = users.start_sign_in(db, bob.id, NOW)
    key = users.key_of(secret, is_token=False)
    assert enter(key, project).caller.scope == "all"
    with transaction() as db:
        users.end_sign_in(db, secret)
    with pytest.raises(NotSignedIn):
        enter(key, project)


def test_a_revoked_token_is_out_at_once(make_project: MakeProject, bob: User, enter: Any) -> None:
    project, key = make_project(["a"]), token(bob)
    enter(key, project)
    with transaction() as db:
        users.delete_token(db, bob.id, users.list_tokens(db, bob.id)[0].id)
    with pytest.raises(NotSignedIn):
        enter(key, project)


def test_a_removed_member_is_a_stranger_at_once(make_project: MakeProject, bob: User, enter: Any) -> None:
    project, key = make_project(["a"]), token(bob)
    enter(key, project)
    with transaction() as db:
        projects.remove_member(db, db.get_one(Project, project.id), bob.id)
    with pytest.raises(NotFound):
        enter(key, project)


def test_a_changed_role_counts_at_once(make_project: MakeProject, bob: User, enter: Any) -> None:
    project, key = make_project(["a"]), token(bob)
    with transaction() as db:
        projects.add_member(db, db.get_one(Project, project.id), bob.email, "reviewer", NOW)
    assert enter(key, project).may_review


def test_an_account_that_is_closed_is_out_at_once(make_project: MakeProject, bob: User, enter: Any) -> None:
    project, key = make_project(["a"]), token(bob)
    with transaction() as db:
        db.execute(update(User).where(User.id == bob.id).values(is_active=False))
    with pytest.raises(NotSignedIn):
        enter(key, project)


def test_a_token_ends(make_project: MakeProject, bob: User, enter: Any) -> None:
    project, key = make_project(["a"]), token(bob, days=1)
    enter(key, project, NOW + timedelta(hours=23))
    with pytest.raises(NotSignedIn):
        enter(key, project, NOW + timedelta(days=1))


def test_scopes_narrow(make_project: MakeProject, alice: User, enter: Any) -> None:
    project = make_project(["a"])
    with pytest.raises(Forbidden):
        enter(token(alice, "read"), project)
    assert enter(token(alice, "annotate"), project).role == "annotator"


def test_a_stranger_sees_nothing_and_nobody_is_told_to_sign_in(
    make_project: MakeProject, charlie: User, enter: Any
) -> None:
    project = make_project(["a"])
    with pytest.raises(NotFound):
        enter(token(charlie), project)
    with pytest.raises(NotSignedIn):
        enter(users.key_of("mg_nobody", is_token=True), project)


def test_what_does_not_exist_is_not_found_for_people_and_asks_nobody_in(database: Any, bob: User) -> None:
    key = token(bob)
    nobody = users.key_of("mg_nobody", is_token=True)
    for ask in (access.to_project, access.to_item):
        with transaction() as db:
            with pytest.raises(NotFound):
                ask(db, key, 999, NOW)
            with pytest.raises(NotSignedIn):
                ask(db, nobody, 999, NOW)


def test_an_admin_leads_everywhere(make_project: MakeProject, charlie: User, enter: Any) -> None:
    project = make_project(["a"])
    with transaction() as db:
        db.execute(update(User).where(User.id == charlie.id).values(is_admin=True))
    assert enter(token(charlie), project).role == "lead"


def test_a_claim_that_knows_what_is_held_gives_the_same_items(make_project: MakeProject, bob: User) -> None:
    project, key = make_project(["a", "b", "c"]), token(bob)

    def next_items(n: int) -> list[str]:
        with transaction() as db:
            who = access.to_project(db, key, project.id, NOW)
            return texts(queue.claim(db, who.project, bob.id, n, NOW, TAILS, who.holds))

    assert next_items(1) == ["a"]
    assert next_items(1) == ["a"]
    assert next_items(2) == ["a", "b"]


def test_a_lease_that_came_since_the_count_is_still_served_first(make_project: MakeProject, bob: User) -> None:
    project = make_project(["a", "b"])
    claim(project, bob)
    with transaction() as db:  # what PostgreSQL says where another tab's claim was committed while we waited
        stale = queue.claim(db, db.get_one(Project, project.id), bob.id, 1, NOW, TAILS, holds=0)
        if db.get_bind().dialect.name == "postgresql":
            assert texts(stale) == ["a"]
