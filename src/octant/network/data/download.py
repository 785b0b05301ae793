"""Published files, downloaded with pooch: tried mirror by mirror, verified, then moved into place."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from octant.errors import InputError

TIMEOUT = (5, 30)  # seconds to connect, seconds of silence


class Progress:
    """The few methods of a tqdm bar that pooch calls, written to standard error."""

    def __init__(self, label: str) -> None:
        """Start at nothing; pooch sets `total` (bytes)."""
        self.label, self.total, self.done = label, 0, 0

    def update(self, count: int) -> None:
        """Count `count` more bytes."""
        self.done += count
        percent = 100 * min(self.done, self.total) // max(self.total, 1)
        sys.stderr.write(f"\r{self.label} {percent:3d} % of {self.total / 1e6:.1f} MB")
        sys.stderr.flush()

    def reset(self) -> None:
        """Start counting again."""
        self.done = 0

    def close(self) -> None:
        """End the line."""
        sys.stderr.write("\n")


def fetch(name: str, mirrors: Iterable[str], checksums: Mapping[str, str]) -> Path:
    """The folder of `name` in the user's cache, with every file of `checksums` in it, uncompressed.

    A file that is there is verified, a missing or damaged one is downloaded (`<mirror>/<file>.gz`).
    Raises InputError when no mirror gives it, OSError when the folder cannot be written.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = Path(pooch.os_cache("octant")) / name
    for file, checksum in checksums.items():
        _fetch_one(folder, file, checksum, list(mirrors), sorted(checksums))
    return folder


def _fetch_one(folder: Path, file: str, checksum: str, mirrors: list[str], files: list[str]) -> None:
    import pooch
    from requests.exceptions import RequestException

    failures = []
    for mirror in mirrors:
        try:
            pooch.retrieve(f"{mirror}{file}.gz", checksum, file, folder, downloader=_download)
        except (RequestException, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
            said = "wrong checksum" if type(error) is ValueError else type(error).__name__
            failures.append(f"{urlsplit(mirror).netloc}: {said}")
        except OSError as error:
            raise OSError(error.errno, f"cannot store downloads: {error.strerror or error}", str(folder)) from error
        else:
            return
    raise InputError(
        f"{file} could not be downloaded ({', '.join(failures)}); offline? put {', '.join(files)} "
        "(plain or .gz) into a folder and give dataset.root=<folder>"
    )


def _download(url: str, output: str, _: Any) -> None:
    """A pooch downloader that writes the uncompressed content, so that pooch's checksum is of that."""
    import pooch

    progress = Progress(url.rpartition("/")[2]) if sys.stderr.isatty() else False
    received = io.BytesIO()
    pooch.HTTPDownloader(progress, 1 << 16, timeout=TIMEOUT)(url, received, None)
    received.seek(0)
    with gzip.open(received) as content, Path(output).open("wb") as file:
        shutil.copyfileobj(content, file)
