"""Explanations: exact where features are a sum, worked out by hand where they are not, honest about which."""

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image

from app.core import plugins, words
from app.core.encoders import Encoder
from app.core.encoders.columns import Columns
from app.core.encoders.hashed_ngrams import HashedNgrams
from app.core.encoders.hashed_words import HashedWords
from app.core.encoders.landmarks import Landmarks
from app.core.encoders.pixels import Pixels
from app.core.explanations import explain
from app.core.learners import Learner
from app.core.learners.knn import KNN
from app.core.learners.linear import Linear
from app.core.learners.prototype import Prototype
from app.core.parts import of_words
from app.core.tasks.classification import Classification
from app.core.tasks.multilabel import Multilabel
from app.core.tasks.spans import Spans

TASK = Classification(["spam", "ham"])
TEXTS = ["buy cheap pills", "lunch with grandmother", "cheap pills for you", "grandmother cooks lunch"] * 3
ANSWERS = np.array([0, 1, 0, 1] * 3)


def fitted(encoder: Encoder, contents, answers, classes=2, made=Linear, learned=None) -> Learner:
    learner = made()
    x = encoder.encode(contents, learned or {})
    n = len(x)
    targets, none = np.eye(classes, dtype=np.float32)[answers], np.zeros(n, np.int64)
    learner.fit(x, targets, np.ones(n, np.float32), True, np.random.default_rng(0), none, 0)
    return learner


def weights_of(found):
    return {mark: weight for *mark, weight in found["columns"]} if "columns" in found else None


@pytest.mark.parametrize("text", ["buy cheap pills, cheap ones", "İstanbul ΣΑΣ naïve 東京 🙂 x", "", "…"])
def test_the_parts_of_a_text_add_up_to_its_features(text):
    parts = HashedNgrams().parts(text, {})
    assert parts.vectors.sum(axis=0) + parts.rest == pytest.approx(HashedNgrams().encode([text], {})[0], abs=1e-6)
    assert all(text[start:end].strip() and " " not in text[start:end] for start, end in parts.marks)


def test_the_words_of_a_mean_of_tokens_by_hand():
    states = np.array([[1.0, 0], [0, 2], [0, 4], [3, 0]])  # mean (1, 1.5)
    parts = of_words(states, [(0, 0), (0, 3), (3, 5), (6, 9)], [None, 0, 0, 1])
    length = 4 * np.hypot(1, 1.5)
    assert parts.marks == [(0, 5), (6, 9)]
    assert parts.vectors == pytest.approx(np.array([[0, 6], [3, 0]]) / length)
    assert parts.rest == pytest.approx(np.array([1, 0]) / length)


def test_the_parts_of_minilm_add_up_to_its_features():
    encoder = plugins.make("encoders", {"name": "minilm"}, Encoder)
    text = "My card was swallowed, and a refund is due."
    parts = encoder.parts(text, {})
    assert parts.vectors.sum(axis=0) + parts.rest == pytest.approx(encoder.encode([text], {})[0], abs=1e-5)
    assert [text[start:end] for start, end in parts.marks][:4] == ["My", "card", "was", "swallowed"]


def test_what_moved_a_linear_model_is_exact_and_adds_up_to_the_logit():
    encoder, text = HashedNgrams(), "Cheap pills for grandmother"
    learner = fitted(encoder, TEXTS, ANSWERS)
    found = explain(TASK, encoder, {}, learner, text, {"class": "spam"})
    assert (found["method"], found["classes"]) == ("exact", ["spam"])
    told = {text[start:end]: weight for start, end, weight in found["words"]}
    assert told["pills"] > 0 > told["grandmother"]
    assert [abs(weight) for _, _, weight in found["words"]] == sorted(map(abs, told.values()), reverse=True)
    p = learner.predict(encoder.encode([text], {}))[0]
    logit = np.log(p[0] / p[1]) / 2  # less the mean of both
    assert sum(told.values()) + learner.head()[-1, 0] == pytest.approx(logit, abs=1e-3)


def test_a_learner_that_is_not_linear_is_explained_by_occlusion():
    encoder, text = HashedNgrams(), "cheap pills or lunch"
    learner = fitted(encoder, TEXTS, ANSWERS, made=KNN)
    found = explain(TASK, encoder, {}, learner, text, {"class": "spam"})
    assert found["method"] == "occlusion"
    full, without = learner.predict(encoder.encode([text, "cheap  or lunch"], {}))[:, 0]
    odds = np.log(full / (1 - full)) - np.log(without / (1 - without))
    told = {text[start:end]: weight for start, end, weight in found["words"]}
    assert told.get("pills", 0) == pytest.approx(odds, abs=1e-3)


def test_a_long_text_is_occluded_in_so_many_runs():
    learner = fitted(HashedNgrams(), TEXTS, ANSWERS, made=KNN)
    found = explain(TASK, HashedNgrams(), {}, learner, "cheap pills " * 300, {"class": "spam"})
    assert len(found["words"]) <= 40
    assert all(end - start > 20 for start, end, _ in found["words"])


def test_of_several_classes_the_weights_are_summed_and_none_named_is_none():
    task, encoder = Multilabel(["spam", "loud", "ham"]), HashedNgrams()
    learner = fitted(encoder, TEXTS, ANSWERS, classes=3)
    one = explain(task, encoder, {}, learner, TEXTS[0], {"classes": ["spam"]})
    other = explain(task, encoder, {}, learner, TEXTS[0], {"classes": ["ham"]})
    both = explain(task, encoder, {}, learner, TEXTS[0], {"classes": ["spam", "ham"]})
    by_word = [{(start, end): weight for start, end, weight in each["words"]} for each in (one, other, both)]
    for mark, weight in by_word[2].items():
        assert weight == pytest.approx(by_word[0].get(mark, 0) + by_word[1].get(mark, 0), abs=2e-4)
    assert both["classes"] == ["spam", "ham"]
    assert explain(task, encoder, {}, learner, TEXTS[0], {"classes": []}) == {"method": "none", "classes": []}


ROWS = [{"age": age, "city": city} for age, city in [(20, "Rome"), (30, "Oslo"), (70, "Rome"), (80, "Oslo")] * 3]


def test_columns_of_a_table_are_weighed_by_their_standardised_values():
    encoder = Columns()
    learned = encoder.learn(ROWS)
    learner = fitted(encoder, ROWS, np.array([0, 0, 1, 1] * 3), learned=learned)
    found = explain(TASK, encoder, learned, learner, {"age": 80, "city": "Rome"}, {"class": "ham"})
    told = dict(found["columns"])
    assert found["method"] == "exact"
    assert found["columns"][0][0] == "age"
    head = learner.head()
    z = (80 - 50) / np.std([20, 30, 70, 80]) / np.sqrt(2)
    assert told["age"] == pytest.approx(z * head[0, 1], abs=1e-3)


@pytest.mark.parametrize("kind", ["one", "several"])
def test_a_model_that_is_sure_still_tells_what_moved_it(kind):
    class Sure(Prototype):
        """Far beyond what a probability can tell."""

        def head(self):
            return 100 * super().head()

        def predict(self, X):  # noqa: N803
            z = X @ self.head()[:-1] + self.head()[-1]
            return np.asarray(1 / (1 + np.exp(-np.clip(2 * z, -80, 80))), np.float32)

        def embed(self, X):  # noqa: N803
            return np.array(X)

    task = TASK if kind == "one" else Multilabel(["spam", "ham"])
    encoder, text = HashedNgrams(), "buy cheap pills"
    learner = fitted(encoder, TEXTS, ANSWERS, made=Sure)
    assert learner.predict(encoder.encode([text], {}))[0, 0] == 1.0
    answer = {"class": "spam"} if kind == "one" else {"classes": ["spam"]}
    found = explain(task, encoder, {}, learner, text, answer)
    assert found["method"] == "occlusion"
    told = {text[start:end]: weight for start, end, weight in found["words"]}
    assert set(told) == {"buy", "cheap", "pills"}
    assert told["pills"] > 0


def test_a_table_whose_features_are_no_sum_is_explained_by_occlusion():
    encoder = Landmarks(landmarks=4)
    learned = encoder.learn(ROWS)
    learner = fitted(encoder, ROWS, np.array([0, 0, 1, 1] * 3), learned=learned)
    found = explain(TASK, encoder, learned, learner, {"age": 80, "city": None}, {"class": "ham"})
    assert found["method"] == "occlusion"
    assert [name for name, weight in found["columns"] if weight > 0] == ["age"]


def picture(left, right) -> bytes:
    image = Image.new("RGB", (64, 64), left)
    image.paste(right, (32, 0, 64, 64))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(("made", "method"), [(Linear, "exact"), (partial(Prototype, sharpness=2.0), "occlusion")])
def test_the_half_of_a_picture_that_tells_the_classes_apart_is_the_one_that_moved(made, method):
    black, white, grey = "black", "white", (128, 128, 128)
    contents = [picture(grey, black), picture(grey, white)] * 4
    encoder = Pixels()
    learner = fitted(
        encoder, contents, np.array([0, 1] * 3 + [1, 0]), made=made
    )  # two are mistaken: nobody is too sure
    found = explain(TASK, encoder, {}, learner, contents[1], {"class": "ham"})
    assert found["method"] == method
    values = np.array(found["map"]["values"]).reshape(found["map"]["rows"], found["map"]["columns"])
    half = values.shape[1] // 2
    assert np.abs(values).max() == 100
    assert values[:, half:].sum() > 4 * abs(values[:, :half].sum())


def test_spans_are_explained_by_blacking_out_words_around():
    task, encoder = Spans(["place"]), HashedWords()
    texts = [f"{who} lives in {where} now" for who in ("Ann", "Bob") for where in ("Rome", "Oslo", "Kyoto")]
    seen = [(text, words.cut(text)) for text in texts]
    tags = np.array([0, 0, 0, 1, 0] * 6)
    learner = fitted(encoder, seen, tags, classes=3)
    text = "Eve lives in Bergen now"
    answer = {"spans": [{"start": 13, "end": 19, "class": "place"}]}
    found = explain(task, encoder, {}, learner, (text, words.cut(text)), answer)
    told = {text[start:end]: weight for start, end, weight in found["words"]}
    assert (found["method"], found["classes"]) == ("occlusion", ["place"])
    assert told["in"] > 0
    assert told["in"] > told.get("Eve", 0)
    nothing = explain(task, encoder, {}, learner, (text, words.cut(text)), {"spans": []})
    assert nothing == {"method": "none", "classes": []}
