"""The trained network as a model in MLflow: logged, registered, served, asked."""
