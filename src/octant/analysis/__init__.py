"""From frames of runs to a comparison, its figures and its report."""
