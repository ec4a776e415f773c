"""MLflow: runs for people to browse, and a mirror of the model registry. mlflow itself is imported only inside."""
