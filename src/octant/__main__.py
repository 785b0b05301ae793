"""`python -m octant`."""

from octant.cli.app import main

if __name__ == "__main__":
    main()
