"""Reasons: a kind with its classes and figures, said in plain English and taken apart again."""

import pytest

from app.core.reasons import SAID, Reason, of_parts


def test_it_says_as_many_classes_as_its_kind_can():
    assert str(Reason("hesitates", ("refund", "lost"))) == "Model hesitates between refund and lost"
    assert str(Reason("hesitates", ("refund",))) == "Model is unsure about refund"
    assert str(Reason("hesitates")) == "Model hesitates"
    assert str(Reason("sure", ("refund", "lost"), share=0.345)) == "Model is 34% sure of refund"
    assert str(Reason("wavers", ("refund",), count=5)) == "Model wavers between some 5 answers, refund for one"
    assert str(Reason("typical", ("refund", "lost"))) == "Typical of items not labelled yet"
    assert str(Reason("drawn", by_lot=True)) == "Drawn at random, or by lot"


def test_a_class_whose_name_looks_like_a_place_for_one_stays_as_it_is():
    assert str(Reason("hesitates", ("{b}", "{share}"))) == "Model hesitates between {b} and {share}"


@pytest.mark.parametrize("kind", SAID)
def test_its_parts_are_all_that_there_is_to_it(kind):
    for classes in ((), ("Refund",), ("Refund", "Lost")):
        reason = Reason(kind, classes, 0.25, 3, by_lot=True)
        assert reason.parts() == {"kind": kind, "classes": list(classes), "share": 0.25, "count": 3, "by_lot": True}
        assert of_parts(reason.parts()) == reason
        nameless = of_parts(reason.parts(), names_classes=False)
        assert nameless == Reason(kind, (), 0.25, 3, by_lot=True)
        assert not {"Refund", "Lost"} & set(str(nameless).split())
