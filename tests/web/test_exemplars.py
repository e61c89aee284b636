"""Exemplars over the API, and the lead's pins on the page of items."""

from typing import Any

from sqlalchemy import select

from app.db import reading
from app.models import Item, Project, User
from tests.services.test_labels import submit
from tests.services.test_queue import claim


def test_a_lead_pins_over_the_api_and_members_see_it(
    client_for: Any, make_project: Any, alice: User, bob: User
) -> None:
    project: Project = make_project(["Cheap pills", "Lunch"])
    held = claim(project, bob).items[0]
    submit(project, held.item_id, bob)
    lead, address = client_for(alice), f"/api/v1/projects/{project.id}/exemplars"
    assert lead.post(address, json={"item_id": held.item_id, "class": "spam"}).status_code == 201
    assert lead.get(address).json() == {"round": None, "classes": [{"class": "spam", "chosen": 0, "pinned": 1}]}
    found = client_for(bob).get(address, params={"class": "spam"}).json()
    assert found["pinned"] == [{"id": held.item_id, "content": held.content, "marks": []}]
    assert (found["typical"], found["near"], found["neighbour"], found["round"]) == ([], [], None, None)
    assert lead.get(address, params={"class": "eggs"}).status_code == 422
    assert lead.post(address, json={"item_id": held.item_id, "class": "eggs"}).status_code == 422
    assert lead.delete(f"{address}/{held.item_id}", params={"class": "ham"}).status_code == 204
    assert lead.get(address, params={"class": "spam"}).json()["pinned"]
    assert lead.delete(f"{address}/{held.item_id}").status_code == 204
    assert lead.get(address).json()["classes"] == []


def test_a_lead_pins_on_the_page_of_items(client_for: Any, make_project: Any, alice: User, bob: User) -> None:
    project: Project = make_project(["Cheap pills", "Lunch"])
    submit(project, claim(project, bob).items[0].item_id, bob)
    lead, address = client_for(alice), f"/projects/{project.id}"
    with reading() as db:
        item = db.scalars(select(Item.id).where(Item.is_settled)).one()
    assert lead.get(f"{address}/items").text.count("Pin as an exemplar") == 1  # the other one is not answered
    done = lead.post(f"{address}/exemplars", data={"item_id": item, "class": "spam", "after": "-1"})
    assert (done.status_code, done.headers["location"]) == (303, f"{address}/items?only=all&after=-1")
    assert "Exemplar of" in lead.get(f"{address}/items").text
    lead.post(f"{address}/exemplars", data={"item_id": item, "class": "spam", "unpin": "1"})
    assert "Exemplar of" not in lead.get(f"{address}/items").text
    assert lead.post(f"{address}/exemplars", data={"item_id": "x", "class": "spam"}).status_code == 422
