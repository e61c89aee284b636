"""Features of a data set: those of its project, or made once by an encoder and kept in the simulation's folder."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.simulating.dataset import DataSet
from app.errors import BadInput
from app.store import writing

if TYPE_CHECKING:
    from app.core.data import ArrayFeatures
    from app.core.encoders import Encoder

AT_ONCE = 256


@dataclass(frozen=True)
class Eye:
    """What sees the items: an encoder with what it has learned of them, or None where the features are there."""

    name: str
    fingerprint: str
    encoder: "Encoder | None"
    learned: dict[str, Any]


def eye_of(data: DataSet, name: str | None) -> Eye:
    """The encoder by this name, or the project's own, or the modality's quickest. Raises BadInput."""
    from app.core import encoders, plugins

    if data.features is not None and name is None:
        return Eye(*data.seen_by, None, {})
    try:
        spec = {"name": name} if name else encoders.ladder(data.seen_as)[0]
        encoder = plugins.make("encoders", spec, encoders.Encoder)
    except plugins.UnknownPlugin as error:
        raise BadInput(f"{error}.") from None
    if encoder.modality != data.seen_as:
        raise BadInput(f"{spec['name']} reads {encoder.modality}, not {data.seen_as}.")
    learned = encoder.learn(data.contents)
    return Eye(spec["name"], encoder.fingerprint(learned), encoder, learned)


def encoded(data: DataSet, eye: Eye, folder: Path) -> Path:
    """The file of the features, with the items' cuts beside it where there are any; made unless it is there."""
    import numpy as np

    from app.core.data import cuts_array, cuts_path

    path = folder / "features.npy"
    if path.exists():
        return path
    features: Any = data.features if eye.encoder is None else encode(eye.encoder, data.contents, eye.learned)
    if not features.cuts.is_whole:
        with writing(cuts_path(path)) as file:
            np.save(file, cuts_array(features.cuts))
    with writing(path) as file:
        np.save(file, features.array)
    return path


def encode(encoder: "Encoder | None", contents: Sequence[Any], learned: dict[str, Any]) -> "ArrayFeatures":
    """Features of all contents, in batches, told on a terminal."""
    import numpy as np

    from app.core.cuts import Cuts
    from app.core.data import ArrayFeatures

    if encoder is None:
        raise BadInput("The items are to be encoded anew: name an --encoder.")
    parts = []
    for start in range(0, len(contents), AT_ONCE):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{start:,} of {len(contents):,} items encoded")
            sys.stderr.flush()
        parts.append(encoder.encode(contents[start : start + AT_ONCE], learned))
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    is_cut = encoder.modality == "words"
    return ArrayFeatures(np.concatenate(parts), Cuts.of_items([one[1] for one in contents]) if is_cut else None)
