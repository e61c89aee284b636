"""The encoder `hashed_ngrams`: words and their parts, hashed; ready in seconds, in any language."""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from app.core.encoders import Encoder
from app.core.encoders._hashing import sums
from app.core.parts import Parts

WORDS = re.compile(r"\w+")
LONGEST_TEXT, LONGEST_WORD = 20_000, 40  # characters; more says little and costs much
BLOCK = 512  # texts at a time


@dataclass(frozen=True)
class HashedNgrams(Encoder):
    """Hashed words and character n-grams: no weights, thousands of texts a second.

    A text is Σ_w (1 + log n_w) a_w v_w over its words, of unit length. v_w = r(w) + 2 Σ_g r(g) / √G over the
    G n-grams of 3 to 5 characters in <w>; r hashes a feature to SPREAD signed coordinates of d. a_w = min(1,
    |w| / 6)² stands for the idf that a fixed encoder cannot know: short words are mostly frequent ones. On AG
    News with 1,000 labels it brings 3 points, 1,024 dimensions instead of 384 bring 8, and word pairs lose 3
    to the noise they add. Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009;
    Achlioptas, "Database- friendly random projections", 2003.
    """

    modality: ClassVar[str] = "text"
    rung: ClassVar[int] = 0
    version: ClassVar[int] = 1

    width: int = field(default=1024, metadata={"help": "Dimensions d", "low": 8, "high": 65536})

    @property
    def dimensions(self) -> int:
        """The setting `width`."""
        return self.width

    def encode(self, contents: Sequence[Any], learned: dict[str, Any]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Unit vectors [n, d]; zero for a text without any word."""
        features = np.zeros((len(contents), self.width), np.float32)
        for start in range(0, len(contents), BLOCK):
            block = [_words(text) for text in contents[start : start + BLOCK]]
            features[start : start + BLOCK] = self._block(block)
        norms = np.linalg.norm(features, axis=1, keepdims=True)
        features /= np.where(norms > 0, norms, 1)
        return features

    def parts(self, content: Any, learned: dict[str, Any]) -> Parts:  # noqa: ARG002
        """One for each place of a word: an equal share of (1 + log n_w) a_w v_w, divided by the sum's length."""
        text = content[:LONGEST_TEXT]
        found = list(WORDS.finditer(text.lower()))
        terms = [match[0][:LONGEST_WORD] for match in found]
        counts = Counter(terms)
        places = {term: place for place, term in enumerate(counts)}
        shares = np.array([(1 + np.log(counts[term])) / counts[term] for term in terms]).reshape(-1, 1)
        vectors = shares * self._vectors(list(counts))[[places[term] for term in terms]]
        vectors /= np.linalg.norm(vectors.sum(axis=0)) or 1.0
        # A letter may be two when it is small: İ is i and a dot.
        origin = [place for place, letter in enumerate(text) for _ in letter.lower()]
        marks = [(origin[match.start()], origin[match.end() - 1] + 1) for match in found]
        return Parts(vectors, np.zeros(self.width), marks)

    def _block(self, texts: list[list[str]]) -> npt.NDArray[np.float32]:
        """Σ (1 + log n_w) a_w v_w for each text; every distinct word of the block is hashed once."""
        vocabulary: dict[str, int] = {}
        places: list[int] = []
        weights: list[int] = []
        lengths: list[int] = []
        for words in texts:
            counts = Counter(words)
            places += [vocabulary.setdefault(term, len(vocabulary)) for term in counts]
            weights += counts.values()
            lengths.append(len(counts))
        vectors = self._vectors(list(vocabulary))
        scaled = np.array(1 + np.log(np.array(weights)), np.float32) if weights else np.empty(0, np.float32)
        sums = np.zeros((len(texts), self.width), np.float32)
        end = 0
        for text, length in enumerate(lengths):
            start, end = end, end + length
            sums[text] = scaled[start:end] @ vectors[places[start:end]]
        return sums

    def _vectors(self, terms: list[str]) -> npt.NDArray[np.float32]:
        """a_w v_w [terms, d]."""
        hashes, owners, weights = [], [], []
        for place, term in enumerate(terms):
            grams = _grams(term)
            hashes += [zlib.crc32(gram.encode()) for gram in (term, *grams)]
            owners += [place] * (1 + len(grams))
            share = min(1.0, len(term) / 6) ** 2
            weights += [share] + [2 * share * len(grams) ** -0.5] * len(grams)
        return sums(hashes, owners, weights, len(terms), self.width)


def _words(text: str) -> list[str]:
    return [word[:LONGEST_WORD] for word in WORDS.findall(text[:LONGEST_TEXT].lower())]


def _grams(term: str) -> list[str]:
    """The n-grams of a word between its borders; even a word of one letter has one."""
    bounded = f"<{term}>"
    return [bounded[i : i + n] for n in (3, 4, 5) for i in range(len(bounded) - n + 1)]
