"""A result is kept while the code that it depends on says the same, and not longer."""

from tests.benchmarks.learning import stamp


def test_a_digest_follows_what_is_imported() -> None:
    strategy = ("app.core.strategies.random",)
    assert stamp.of(strategy) == stamp.of((*strategy, "app.core.data"))  # it imports that already
    assert stamp.of(strategy) != stamp.of(("app.core.strategies.margin",))
    assert stamp.of(strategy) != stamp.of(strategy, "another version")


def test_sentences_do_not_count(monkeypatch) -> None:
    codes = []
    for text in (
        '"""One."""\n\ndef f():\n    """Two."""\n    return 1\n',
        '"""Three."""\ndef f():\n    """4."""\n    return 1  # five\n',
    ):
        monkeypatch.setattr(stamp, "_source", lambda module, text=text: text)
        codes.append(stamp._code.__wrapped__("m"))
    assert codes[0] == codes[1]
