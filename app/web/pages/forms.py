"""Forms: reading what a browser posts into the plain data that the services take, and going on after it."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from app.core import plugins

# What a page may say after a redirect: keys travel in the address, never sentences.
SAID = {
    "created": "The project is ready. Upload what is to be labelled.",
    "saved": "Saved.",
    "added": "Added.",
    "removed": "Removed.",
    "forgotten": "Forgotten: the account is a pseudonym now.",
    "deleted": "Deleted.",
    "password": "Your password is changed.",
    "skipped": "Skipped.",
    "undone": "Taken back: the item is here again.",
    "round": "A round was asked for.",
    "cancelled": "The round was ended; the next comes with a new label.",
}
ROOMS = {  # the recipe's key: the room of plug-ins that it chooses from
    "encoder": "encoders",
    "learner": "learners",
    "strategy": "strategies",
    "cold_start": "strategies",
    "aggregation": "aggregation",
}


async def _read(request: Request) -> FormData:
    # Files have a route of their own, with limits; here one would lie on the disk until somebody tidies.
    return await request.form(max_fields=10_000, max_files=0)


Form = Annotated[FormData, Depends(_read)]


def text(form: FormData, name: str) -> str:
    """A field's text, stripped; empty where there is none. Line breaks come as \\n."""
    value = form.get(name, "")
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""


def texts(form: FormData, name: str) -> list[str]:
    """All values of a field, in order."""
    return [value for value in form.getlist(name) if isinstance(value, str)]


def back_to(path: str, said: str = "") -> RedirectResponse:
    """Go on to a page with GET, so that a reload does not post again."""
    joint = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{joint}said={said}" if said else path, status_code=303)


def said(request: Request) -> str:
    """The sentence that the last step left for this page."""
    return SAID.get(request.query_params.get("said", ""), "")


def local_path(path: str) -> str:
    """A path on this server, for going on after a sign-in; anything that could lead elsewhere becomes "/"."""
    parts = urlsplit(path)
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc
    return path if is_local and path.isprintable() and "\\" not in path else "/"


def classes_of(form: FormData) -> list[dict[str, Any]]:
    """The classes: the rows with a name, and the plain list, one name a line."""
    rows = zip(
        texts(form, "class_name"),
        texts(form, "class_color"),
        texts(form, "class_key"),
        texts(form, "class_description"),
        strict=False,
    )
    found: list[dict[str, Any]] = []
    for name, color, key, description in rows:
        if name.strip():
            found.append(
                {
                    "name": name.strip(),
                    "color": color or None,
                    "key": key.strip().lower() or None,
                    "description": description.strip(),
                }
            )
    found += [{"name": line.strip()} for line in text(form, "class_list").split("\n") if line.strip()]
    return found


def task_settings(form: FormData) -> dict[str, Any]:
    """The settings of the chosen kind of question."""
    return {name: value for name, value in _spec(form, "kind", "tasks").items() if name != "name"}


def recipe_of(form: FormData) -> dict[str, Any]:
    """The recipe's part that the form shows; numbers stay as written, so that the service can say what is wrong."""
    recipe: dict[str, Any] = {}
    for key in ("votes_wanted", "retrain_every", "retrain_seconds", "queue_size"):
        if text(form, key):
            recipe[key] = text(form, key)
    if text(form, "random_percent"):
        recipe["random_share"] = _share(text(form, "random_percent"))
    if text(form, "hidden_percent"):
        recipe["hidden_share"] = _share(text(form, "hidden_percent"))
    if "shown" in form:  # an unticked box sends nothing; this field says that the box was there
        for name in ("show_suggestions", "leave_out_of_scope", "ask_duplicates_once", "balance_classes"):
            recipe[name] = name in form
    for key, room in ROOMS.items():
        if key in form:
            recipe[key] = _spec(form, key, room)
    return recipe


def _share(percent: str) -> float | str:
    try:
        return float(percent.replace(",", ".")) / 100
    except ValueError:
        return percent


def _spec(form: FormData, key: str, room: str) -> dict[str, Any]:
    """The chosen plug-in with the settings of its own that the form sent; the others' fields are not read."""
    name = text(form, key)
    spec: dict[str, Any] = {"name": name}
    if name in plugins.names(room):
        for setting in plugins.describe_one(room, name).settings:
            field = f"{key}.{name}.{setting.name}"
            if setting.type == "bool":
                spec[setting.name] = field in form
            elif text(form, field):
                spec[setting.name] = text(form, field)
    return spec
