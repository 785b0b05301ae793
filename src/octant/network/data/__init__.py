"""Data sets: fetched, verified, decoded, split and digested; decoded once and shared between workers."""

from octant.network.data.loading import load, state_of
from octant.network.data.parts import Dataset, Part

__all__ = ["Dataset", "Part", "load", "state_of"]
