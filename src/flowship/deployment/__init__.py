"""From settings and an image to Prefect deployments."""
