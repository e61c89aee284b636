"""The labelling page without scripts: a form answers, skips, undoes, and never counts twice."""

import re
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select

from app.db import reading
from app.models import Label, User

HTML = {"Accept": "text/html"}


def form_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def count() -> int:
    with reading() as db:
        return db.scalar(select(func.count()).select_from(Label).where(Label.ended_at.is_(None))) or 0


def test_it_works(client_for: Any, make_project: Any, bob: User) -> None:
    client, address = client_for(bob), f"/projects/{make_project(['A mail']).id}/label"
    page = client.get(address).text
    assert "A mail" in page
    sent = client.post(address, data={**form_of(page), "answer": '{"class": "spam"}'})
    assert (sent.status_code, sent.headers["location"]) == (303, address)
    assert count() == 1
    assert (
        "Only items that you have answered" in client.get(address).text or "all its answers" in client.get(address).text
    )


def test_a_double_click_is_one_answer(client_for: Any, make_project: Any, bob: User) -> None:
    client, address = client_for(bob), f"/projects/{make_project(['One', 'Two']).id}/label"
    form = {**form_of(client.get(address).text), "answer": '{"class": "spam"}'}
    for _ in range(2):
        assert client.post(address, data=form).status_code == 303
    assert count() == 1


def test_a_reload_shows_the_same_item(client_for: Any, make_project: Any, bob: User) -> None:
    client, address = client_for(bob), f"/projects/{make_project(['One', 'Two', 'Three']).id}/label"
    numbers = {form_of(client.get(address).text)["item_id"] for _ in range(3)}
    assert len(numbers) == 1


def test_undo_shows_the_item_with_its_answer_marked(client_for: Any, make_project: Any, bob: User) -> None:
    client, address = client_for(bob), f"/projects/{make_project(['One', 'Two']).id}/label"
    form = form_of(client.get(address).text)
    client.post(address, data={**form, "answer": '{"class": "ham"}'})
    client.get(address)  # the next item is in hand, too
    back = client.post(address, data={"undo": form["label_id"]})
    page = client.get(back.headers["location"]).text
    assert form_of(page)["item_id"] == form["item_id"]
    assert re.search(r'class="answer before"[^>]*data-class="ham"', page)
    assert count() == 0


def test_skip_keeps_the_reason(client_for: Any, make_project: Any, bob: User) -> None:
    client, address = client_for(bob), f"/projects/{make_project(['One', 'Two']).id}/label"
    client.post(address, data={**form_of(client.get(address).text), "skip": "broken"})
    with reading() as db:
        assert db.scalars(select(Label.skip_reason)).all() == ["broken"]


def test_a_wrong_answer_is_refused_and_nothing_is_stored(client_for: Any, make_project: Any, bob: User) -> None:
    client, address = client_for(bob), f"/projects/{make_project(['One']).id}/label"
    form = form_of(client.get(address).text)
    for wrong in ('{"class": "nothing"}', "not json", '{"class": 3}'):
        assert client.post(address, data={**form, "answer": wrong}, headers=HTML).status_code == 422
    assert client.post(address, data={"answer": "{}"}, headers=HTML).status_code == 422
    assert client.post(address, data={"undo": "not a number"}, headers=HTML).status_code == 422
    assert count() == 0


def test_texts_and_names_are_escaped(client_for: Any, make_project: Any, bob: User) -> None:
    evil = "<script>alert(1)</script> ' \" </div>"
    classes = [{"name": evil}, {"name": "b", "description": evil}]
    project = make_project(
        [evil], name=evil, task={"kind": "classification", "classes": classes}, guidelines=evil + "\n[x](javascript:1)"
    )
    page = client_for(bob).get(f"/projects/{project.id}/label").text
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert 'data-claim=\'{"item"' in page
    assert "alert(1)" in page


def test_where_nothing_is_left_the_page_says_why(client_for: Any, make_project: Any, bob: User) -> None:
    page = client_for(bob).get(f"/projects/{make_project([]).id}/label").text
    assert "There are no items yet." in page


def test_the_colours_come_as_a_style_sheet_of_valid_colours_only(
    client_for: Any, make_project: Any, alice: User
) -> None:
    classes = [{"name": "a", "color": "#123abc"}, {"name": "b"}]
    project = make_project(["One"], task={"kind": "classification", "classes": classes})
    found = client_for(alice).get(f"/projects/{project.id}/colors.css")
    assert found.headers["content-type"].startswith("text/css")
    assert ".c0 { --class: #123abc; }" in found.text
    assert re.fullmatch(r"(\.c\d+ \{ --class: #[0-9a-f]{6}; \}\n?)+", found.text)


def test_a_page_made_for_one_person_sends_nothing_for_another(
    client_for: Any, make_project: Any, alice: User, bob: User
) -> None:
    client, project = client_for(alice), make_project(["One", "Two"])
    item = client.get(f"/api/v1/projects/{project.id}/next").json()["items"][0]["item"]["id"]
    sent = {"id": str(uuid4()), "answer": {"class": "spam"}}
    as_bob = {"Marginalia-User": str(bob.id)}
    assert client.post(f"/api/v1/items/{item}/labels", json=sent, headers=as_bob).status_code == 401
    assert client.get(f"/api/v1/projects/{project.id}/next", headers=as_bob).status_code == 401
    assert client.delete(f"/api/v1/labels/{uuid4()}", headers=as_bob).status_code == 401
    assert count() == 0
    as_alice = {"Marginalia-User": str(alice.id)}
    assert client.post(f"/api/v1/items/{item}/labels", json=sent, headers=as_alice).status_code == 201


def test_every_language_has_every_string_with_the_forms_that_its_counts_need() -> None:
    from app.web import words

    forms = {"en": {"one", "other"}, "de": {"one", "other"}, "ar": {"zero", "one", "two", "few", "many", "other"}}
    english = words.words("en")
    for language in words.LANGUAGES:
        known = words.words(language)
        assert known.keys() == english.keys(), language
        for key, word in known.items():
            named = re.findall(r"\{(\w+)\}", str(english[key]))
            assert set(re.findall(r"\{(\w+)\}", str(word))) == set(named), (language, key)
            assert isinstance(word, str) == isinstance(english[key], str), (language, key)
            assert isinstance(word, str) or word.keys() == forms[language], (language, key)


def _scripts() -> str:
    from app.web.static import FOLDER

    return "".join(path.read_text() for folder in ("", "widgets", "views") for path in (FOLDER / folder).glob("*.js"))


def _templates() -> str:
    from app.web.render import TEMPLATES

    parts = [path for folder in ("widgets", "views") for path in (TEMPLATES / folder).glob("*.html")]
    return "".join(path.read_text() for path in [TEMPLATES / "label.html", TEMPLATES / "_content.html", *parts])


def test_every_string_that_scripts_and_templates_say_is_there() -> None:
    from app.web import words

    scripts = _scripts()
    said = set(re.findall(r'\bt\("(\w+)"', scripts)) | set(re.findall(r'\blabel: "(\w+)"', scripts))
    assert said <= words.for_scripts("en").keys()
    pages = _templates()
    assert set(re.findall(r'\bt\("(\w+)"', pages)) <= words.words("en").keys()


def test_every_reason_is_said_in_every_language_and_in_english_as_the_api_says_it() -> None:
    from app.core.reasons import BY_LOT, SAID, Reason
    from app.web import words
    from app.web.words import reasons

    forms = {f"js.why_{kind}_{n}": form for kind, each in SAID.items() for n, form in enumerate(each)}
    english = words.words("en")
    assert {key: word for key, word in english.items() if key.startswith("js.why_")} == {
        **forms,
        "js.why_by_lot": BY_LOT,
    }
    why = Reason("hesitates", ("refund", "lost"), by_lot=True)
    apart = "\u2068refund\u2069", "\u2068lost\u2069"
    assert reasons.said(str(why), why.parts(), "en") == "Model hesitates between {} and {}, or by lot".format(*apart)
    assert reasons.said(str(why), why.parts(), "de") == "Das Modell zögert zwischen {} und {}, oder ausgelost".format(
        *apart
    )
    assert reasons.said("Because", None, "de") == "Because"
    assert reasons.said("As it was", {"kind": "of_tomorrow", "classes": []}, "de") == "As it was"


def test_buttons_name_the_keys_that_scripts_declare() -> None:

    scripts = _scripts()
    usual = dict(re.findall(r'name: "(\w+)", keys: \["([^"]+)"', scripts))
    pages = _templates()
    told = dict(re.findall(r'<kbd data-key-of="(\w+)"[^>]*>([^<]+)</kbd>', pages))
    assert {"undo", "skip", "unsure", "comment", "keep"} <= told.keys()
    signs = {"Escape": "Esc"}
    assert told == {name: signs.get(usual[name], usual[name].upper()) for name in told}


def test_the_page_speaks_the_readers_language_and_runs_its_way(client_for: Any, make_project: Any, bob: User) -> None:
    client, address = client_for(bob), f"/projects/{make_project(['One']).id}/label"
    german = client.get(address, headers={"Accept-Language": "fr-FR, de-AT;q=0.8, en;q=0.5"}).text
    assert '<html lang="de" dir="ltr"' in german
    assert "Auslassen" in german
    client.cookies.set("language", "ar")
    arabic = client.get(address, headers={"Accept-Language": "de"}).text
    assert '<html lang="ar" dir="rtl"' in arabic
    assert "تراجع" in arabic
    assert "Unclear" not in arabic
