"""`python -m octant`."""

import sys
from pathlib import Path

if not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).parents[1]:
    del sys.path[0]  # the folder where it was typed: a random.py there is not Python's

from octant.cli.main import main

if __name__ == "__main__":
    main()
