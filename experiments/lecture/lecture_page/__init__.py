"""The lecture's page: its curve, the ladder of corrections, the chaos of its trajectory; into experiments/lecture/."""
