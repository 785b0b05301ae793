"""octant: which loss, hidden activation and output activation make a small classifier learn better?"""

__version__ = "0.1.0"
