"""MLflow: the only package that imports it. Everything sent comes from the journals."""
