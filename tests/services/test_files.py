"""Files of the store that go while they are listed."""

import shutil
from pathlib import Path

from app import files


def test_a_folder_that_goes_meanwhile_ends_no_listing(data_dir: Path) -> None:
    rounds = data_dir / "projects" / "1" / "rounds"
    for number in range(4):
        (rounds / str(number)).mkdir(parents=True)
        (rounds / str(number) / "scores.npy").write_bytes(b"1")
    listing = files.opened(data_dir / "projects")
    path, file, size = next(listing)
    assert (file.read(), size) == (b"1", 1)
    for other in rounds.iterdir():
        if other != path.parent:
            shutil.rmtree(other)
    assert list(listing) == []
