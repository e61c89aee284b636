"""Every encoder keeps its contract; each modality with contents that are awkward."""

import io

import numpy as np
import pytest
from PIL import Image

from app.core import plugins, words
from app.core.encoders import Encoder, ladder
from app.core.encoders._images import rgb
from app.core.encoders.columns import Columns
from app.core.encoders.hashed_ngrams import HashedNgrams
from app.core.encoders.hashed_words import HashedWords
from app.core.encoders.landmarks import Landmarks
from app.core.learners.linear import Linear
from tests.core.encoders import tiny


def picture(mode="RGB", size=(40, 30), colour=None, format="PNG", **kept) -> bytes:
    image = Image.new(mode, size, colour) if colour is not None else Image.new(mode, size)
    file = io.BytesIO()
    image.save(file, format, **kept)
    return file.getvalue()


def noise(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, size=(20, 30, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


CONTENTS = {
    "text": [
        "My card was lost in the post.",
        "A much longer text about refunds. " * 300,
        "",
        "😀 !!! …",
        "日本語のテキスト",
        "a",
        "Zeile\nzwei, schließlich\x00",
        "My card was lost in the post.",
    ],
    "image": [
        noise(1),
        noise(2),
        picture("L", colour=120),
        picture("RGBA", colour=(255, 0, 0, 0)),
        picture("P"),
        picture("1", size=(1, 1)),
        picture("I;16", colour=3000),
        picture("CMYK", format="JPEG"),
        picture("LA", size=(3, 200)),
        noise(1),
    ],
    "table": [
        {"age": 31, "town": "Ulm", "paid": True, "note": None},
        {"age": None, "town": "Bonn", "paid": False, "note": "x"},
        {"age": 1e200, "town": "", "paid": True, "note": "1"},
        {"age": float("nan"), "town": 7, "paid": None, "note": "x"},
        {},
        {"age": -4.5, "town": "Ulm", "extra": "y"},
        {"age": 31, "town": "Ulm", "paid": True, "note": None},
    ],
    # A word each, so that contents are rows here, too; what longer texts are is tested below.
    "words": [(text, words.cut(text)) for text in ("Ulm", "lower", "👩‍👩‍👧‍👦", "北", "x" * 300, "…", "Ulm")],
}


@pytest.fixture(params=plugins.names("encoders"), scope="module")
def spec(request, tmp_path_factory) -> dict[str, str]:
    """Each encoder; one that needs a model is given a tiny one."""
    if not plugins.describe_one("encoders", request.param).facts.get("needs"):
        return {"name": request.param}
    folder = tmp_path_factory.mktemp("models")
    return {"name": request.param, "model": str(tiny.make(tiny.NEEDED[request.param], folder))}


@pytest.fixture(scope="module")
def encoder(spec) -> Encoder:
    return plugins.make("encoders", spec, Encoder)


@pytest.fixture(scope="module")
def encoded(encoder):
    contents = CONTENTS[encoder.modality]
    learned = encoder.learn(contents)
    return contents, learned, encoder.encode(contents, learned)


def test_features_are_finite_and_of_the_stated_shape(encoder, encoded):
    contents, _, features = encoded
    assert features.dtype == np.float32
    assert features.shape[0] == len(contents)
    assert features.shape[1] == (encoder.dimensions or features.shape[1]) > 0
    assert np.isfinite(features).all()


def test_features_tell_contents_apart_and_equal_ones_not(encoded):
    _, _, features = encoded
    assert np.allclose(features[0], features[-1], atol=1e-5)
    assert np.linalg.norm(features[0] - features[1]) > 0.05


def test_encoding_twice_gives_the_same(encoder, encoded):
    contents, learned, features = encoded
    assert np.array_equal(encoder.encode(contents, learned), features)


def test_a_row_does_not_depend_on_its_neighbours(encoder, encoded):
    contents, learned, features = encoded
    for place, content in enumerate(contents):
        assert np.allclose(encoder.encode([content], learned)[0], features[place], atol=1e-4)


def test_no_contents_make_no_rows(encoder, encoded):
    assert encoder.encode([], encoded[1]).shape == (0, encoded[2].shape[1])


def test_features_have_a_norm_of_about_one(encoded):
    assert 0.1 < (encoded[2] ** 2).sum(axis=1).mean() < 2


def test_the_fingerprint_tells_settings_and_what_was_learned(encoder, spec):
    fingerprint = encoder.fingerprint({})
    assert len(fingerprint) == 24
    assert int(fingerprint, 16) >= 0
    assert plugins.make("encoders", spec, Encoder).fingerprint({}) == fingerprint
    assert encoder.fingerprint({"seen": 1}) != fingerprint
    for setting in plugins.describe_one("encoders", spec["name"]).settings:
        if setting.name not in encoder.needs:
            other = "cls" if setting.name == "pooling" else setting.default + 1
            changed = plugins.make("encoders", {**spec, setting.name: other}, Encoder)
            assert changed.fingerprint({}) != fingerprint


def test_a_ladder_begins_with_the_encoder_that_is_ready_at_once():
    assert [one["name"] for one in ladder("text")] == ["hashed_ngrams", "minilm"]
    assert [one["name"] for one in ladder("image")] == ["pixels", "efficientnet"]
    assert [one["name"] for one in ladder("table")] == ["columns", "landmarks"]


def test_a_word_has_a_row_that_its_neighbours_change():
    encoder = HashedWords()
    contents = [(text, words.cut(text)) for text in ("in Paris, now", "", "by Paris")]
    x = encoder.encode(contents, {})
    assert len(x) == 4 + 0 + 2
    paris, other, now = x[1], x[5], x[3]
    assert 0.3 < paris @ other / (paris @ paris) < 0.99
    assert paris @ other > 2 * abs(paris @ now)
    assert [one["name"] for one in ladder("words")] == ["hashed_words", "minilm_words"]


def test_minilm_knows_a_word_by_its_neighbours_and_reads_texts_of_any_length():
    encoder = plugins.make("encoders", {"name": "minilm_words", "tokens": 16}, Encoder)
    texts = [
        "He sat on the river bank",
        "the bank gave a loan",
        "a bank with money",
        "word " * 60,
        "",
        "ภาษาไทย \u200b",
    ]
    contents = [(text, words.cut(text)) for text in texts]
    x = encoder.encode(contents, {})
    rows = np.cumsum([0, *(len(bounds) for _, bounds in contents)])
    assert len(x) == rows[-1]
    river, loan, money = x[5], x[rows[1] + 1], x[rows[2] + 1]
    assert loan @ money > river @ money
    assert (np.abs(x[rows[3] : rows[4]]).sum(axis=1) > 0).all()
    assert np.isfinite(x).all()
    assert np.allclose(encoder.encode(contents[1:2], {}), x[rows[1] : rows[2]], atol=1e-4)


def test_hashed_words_that_share_their_parts_are_alike():
    x = HashedNgrams().encode(["refunding", "refunded", "weather"], {})
    assert x[0] @ x[1] > 0.2
    assert x[0] @ x[1] > x[0] @ x[2] + 0.2


def test_minilm_knows_what_sentences_mean():
    minilm = plugins.make("encoders", {"name": "minilm"}, Encoder)
    x = minilm.encode(["A man is eating food.", "A man eats something.", "The stock market fell."], {})
    assert x[0] @ x[1] > 0.8
    assert abs(x[0] @ x[2]) < 0.2


def test_minilm_reads_so_many_word_pieces():
    minilm = plugins.make("encoders", {"name": "minilm", "tokens": 8}, Encoder)
    x = minilm.encode(["one two three four five six", "one two three four five six seven eight nine"], {})
    assert np.allclose(x[0], x[1], atol=1e-5)


def test_efficientnet_tells_scenes_apart_better_than_chance_would():
    net = plugins.make("encoders", {"name": "efficientnet"}, Encoder)
    red, dark_red, grain = picture(colour=(200, 30, 30)), picture(colour=(180, 30, 30)), noise(4)
    x = net.encode([red, dark_red, grain], {})
    assert x[0] @ x[1] > x[0] @ x[2] + 0.2


def test_a_picture_is_turned_as_its_exif_says():
    upright = Image.new("RGB", (20, 10), "black")
    upright.paste("white", (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    file = io.BytesIO()
    upright.save(file, "PNG", exif=exif)
    assert rgb(file.getvalue(), 4)[:, 0].max() < 50
    assert rgb(file.getvalue(), 4)[:, 3].min() > 200


def test_what_is_transparent_is_white():
    assert (rgb(picture("RGBA", colour=(255, 0, 0, 0)), 4) == 255).all()
    assert (rgb(picture("RGBA", colour=(255, 0, 0, 255)), 4) == (255, 0, 0)).all()


def test_columns_by_hand():
    rows = [{"n": 1.0, "c": "a"}, {"n": 3.0, "c": "b"}, {"n": None, "c": "a"}]
    encoder = Columns(categories=2, buckets=1)
    learned = encoder.learn(rows)
    assert learned == {"columns": [{"name": "c", "values": ["a", "b"]}, {"name": "n", "mean": 2.0, "deviation": 1.0}]}
    features = encoder.encode([*rows, {"n": 2.0, "c": "never seen"}], learned) * np.sqrt(2)
    # c is a, c is b, the shared bucket, c is missing; n, n is missing
    expected = [[1, 0, 0, 0, -1, 0], [0, 1, 0, 0, 1, 0], [1, 0, 0, 0, 0, 1], [0, 0, 1, 0, 0, 0]]
    assert np.allclose(features, expected)


def test_landmarks_by_hand():
    rows = [{"n": 1.0}, {"n": 3.0}]
    encoder = Landmarks(bins=1, bandwidth=1.0)
    learned = encoder.learn(rows)
    assert learned["pieces"] == [{"edges": [-1.0, 1.0], "mean": [0.5], "scale": 0.5}]
    features = encoder.encode([*rows, {"n": None}, {"n": 100.0}], learned) * np.sqrt(2)
    # the value and what is missing; the one piece, from 0 to 1, less ½ and over ½; both halved
    half = np.sqrt(0.5)
    assert np.allclose(features[:, :3], [[-half, 0, -half], [half, 0, half], [0, 1, 0], [5 * half, 0, half]], atol=1e-6)
    # k(−1, 1) = exp(−4 / 2), of unlike rows; φ φᵀ gives the kernel back, all but the ridge
    likeness = features[:2, 3:] * learned["scale"] + learned["mean"]
    assert np.allclose(likeness @ likeness.T, [[1, np.exp(-2)], [np.exp(-2), 1]], atol=2e-3)


def test_landmarks_are_rows_that_differ_and_few_where_few_do():
    rows = [{"a": number % 3, "b": "x"} for number in range(50)]
    learned = Landmarks().learn(rows)
    assert len(learned["landmarks"]) == 3
    assert np.isfinite(Landmarks().encode(rows, learned)).all()
    assert Landmarks(landmarks=2).encode(rows, Landmarks(landmarks=2).learn(rows)).shape[0] == 50


def test_landmarks_of_rows_that_are_all_alike_do_not_blow_up_their_rounding():
    for rows in ([], [{}], [{}, {}], [{"a": 1}] * 3, [{"a": 1, "b": "x"}] * 3):
        encoder = Landmarks()
        assert np.square(encoder.encode(rows[:1] or [{}], encoder.learn(rows))).sum() < 1


def test_a_linear_head_learns_a_circle_from_landmarks_and_not_from_columns():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(1200, 2))
    inside = (np.square(points).sum(1) < 1.4).astype(int)
    rows = [{"x": float(x), "y": float(y)} for x, y in points]

    def accuracy(encoder: Encoder) -> float:
        x = encoder.encode(rows, encoder.learn(rows))
        head = Linear()
        head.fit(x[:200], np.eye(2)[inside[:200]], np.ones(200), True, rng, np.zeros(200, int), 0)
        return float((head.predict(x[200:]).argmax(1) == inside[200:]).mean())

    assert accuracy(Columns()) < 0.7
    assert accuracy(Landmarks()) > 0.93
