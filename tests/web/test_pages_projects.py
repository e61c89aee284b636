"""Creating, changing and deleting a project, and its people, by forms."""

from typing import Any

from sqlalchemy import select

from app.core import plugins
from app.db import reading
from app.models import Member, Project, User

HTML = {"Accept": "text/html"}
NEW = {
    "name": "Reviews",
    "modality": "text",
    "kind": "classification",
    "class_name": ["good", "", "bad"],
    "class_color": ["#112233", "#000000", "#445566"],
    "class_key": ["g", "", ""],
    "class_description": ["Liked it", "", ""],
    "class_list": "mixed\r\n\r\n no opinion ",
    "guidelines": "Be kind.",
    "votes_wanted": "2",
    "random_percent": "12,5",
    "retrain_every": "5",
    "shown": "1",
    "strategy": "margin",
    "encoder": "auto",
}


def only_project() -> Project:
    with reading() as db:
        return db.scalars(select(Project)).one()


def test_it_works(client_for: Any, alice: User) -> None:
    client = client_for(alice)
    assert "Start with a question" in client.get("/").text
    made = client.post("/projects/new", data=NEW)
    project = only_project()
    assert made.headers["location"] == f"/projects/{project.id}/upload?said=created"
    classes = [(each["name"], each["key"], each["description"]) for each in project.task["classes"]]
    assert classes[0] == ("good", "g", "Liked it")
    assert [name for name, *_ in classes] == ["good", "bad", "mixed", "no opinion"]
    assert project.recipe["votes_wanted"] == 2
    assert project.recipe["random_share"] == 0.125
    assert project.recipe["show_suggestions"] is False
    assert project.recipe["encoder"] is None
    assert "Reviews" in client.get("/").text


def test_a_wrong_form_comes_back_filled_in_with_every_reason(client_for: Any, alice: User) -> None:
    wrong = {**NEW, "class_name": ["only"], "class_list": "", "votes_wanted": "many", "name": "Kept <name>"}
    found = client_for(alice).post("/projects/new", data=wrong)
    assert found.status_code == 422
    assert "Kept &lt;name&gt;" in found.text
    assert "votes_wanted" in found.text
    assert 'value="only"' in found.text


def test_only_admins_create_projects(client_for: Any, bob: User) -> None:
    client = client_for(bob)
    assert client.get("/projects/new", headers=HTML).status_code == 403
    assert client.post("/projects/new", data=NEW, headers=HTML).status_code == 403
    assert "No projects yet" in client.get("/").text


def test_every_plug_in_is_offered_and_documented(client_for: Any, alice: User) -> None:
    client = client_for(alice)
    form, docs = client.get("/projects/new").text, client.get("/plugins").text
    for room in ("strategies", "encoders", "learners", "aggregation"):
        for name in plugins.names(room):
            assert f'<option value="{name}"' in form
            assert f'id="{room}-{name}"' in docs
    for name in plugins.names("tasks"):
        assert f'value="{name}"' in form


def test_settings_change_what_they_show_and_nothing_else(client_for: Any, make_project: Any, alice: User) -> None:
    project = make_project(["One"], recipe={"votes_wanted": 3})
    client, address = client_for(alice), f"/projects/{project.id}/settings"
    sent = client.post(address, data={"name": "New name", "guidelines": "Read **this**."})
    assert sent.headers["location"] == f"{address}?said=saved"
    assert "Saved." in client.get(f"{address}?said=saved").text
    changed = only_project()
    assert (changed.name, changed.guidelines) == ("New name", "Read **this**.")
    assert changed.recipe == project.recipe
    assert changed.task == project.task


def test_a_plug_ins_settings_are_saved(client_for: Any, make_project: Any, alice: User) -> None:
    described = [(one, each) for one in plugins.describe("learners") for each in one.settings if each.type == "float"]
    if not described:
        return
    one, setting = described[0]
    project = make_project(["One"])
    form = {"shown": "1", "learner": one.name, f"learner.{one.name}.{setting.name}": "0.25"}
    client_for(alice).post(f"/projects/{project.id}/settings", data=form)
    assert only_project().recipe["learner"] == {**only_project().recipe["learner"], setting.name: 0.25}


def test_a_project_is_deleted_only_when_its_name_is_typed(client_for: Any, make_project: Any, alice: User) -> None:
    project = make_project(["One"])
    client = client_for(alice)
    refused = client.post(f"/projects/{project.id}/delete", data={"confirm": "mails"}, headers=HTML)
    assert refused.status_code == 422
    assert only_project().id == project.id
    assert client.post(f"/projects/{project.id}/delete", data={"confirm": "Mails"}).status_code == 303
    with reading() as db:
        assert db.scalars(select(Project)).all() == []


def test_people_come_and_go_but_never_the_last_lead(
    client_for: Any, make_project: Any, alice: User, charlie: User
) -> None:
    project = make_project(["One"])
    client, address = client_for(alice), f"/projects/{project.id}/people"
    client.post(address, data={"email": charlie.email, "role": "reviewer"})
    assert charlie.email in client.get(address).text
    assert client.post(f"{address}/{charlie.id}/remove").status_code == 303
    assert client.post(f"{address}/{alice.id}/remove").status_code == 409
    unknown = client.post(address, data={"email": "nobody@example.org", "role": "annotator"})
    assert unknown.status_code == 404
    assert "nobody@example.org" in unknown.text
    with reading() as db:
        assert len(db.scalars(select(Member)).all()) == 2
