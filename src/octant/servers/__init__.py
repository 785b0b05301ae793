"""MLflow on this machine, MLflow for a team, and the move from one to the other."""
