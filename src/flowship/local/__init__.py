"""What runs on this machine: a Prefect server, a worker, and months of the shipped flow."""
