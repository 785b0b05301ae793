"""`python -m octant`."""

from octant.app import main

if __name__ == "__main__":
    main()
