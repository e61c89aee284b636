"""The form /projects/{id}/exemplars: a lead pins an item to a class, or takes the pin away."""

import re

from fastapi import APIRouter, Response

from app.db import transaction
from app.errors import BadInput
from app.services import exemplars, projects
from app.web.deps import Id, SignedIn, now
from app.web.pages.forms import Form, back_to, text

router = APIRouter(include_in_schema=False)


@router.post("/projects/{project_id}/exemplars")
def change(caller: SignedIn, project_id: Id, form: Form) -> Response:
    """Pin, or with `unpin` unpin; then back to the item among the others."""
    number, name = text(form, "item_id"), text(form, "class")
    if not re.fullmatch(r"[0-9]{1,18}", number):
        raise BadInput("There is no item in this form.")
    with transaction() as db:
        project, _ = projects.get(db, caller, project_id, "lead")
        if "unpin" in form:
            exemplars.unpin(db, project, int(number), name)
        else:
            exemplars.pin(db, project, int(number), name, now())
    after = text(form, "after") if re.fullmatch(r"-?[0-9]{1,10}", text(form, "after")) else "-1"
    return back_to(f"/projects/{project_id}/items?only={'labelled' if 'labelled' in form else 'all'}&after={after}")
