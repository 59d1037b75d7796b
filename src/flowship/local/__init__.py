"""What runs on this machine: a Prefect server, a worker, and months of the built-in ETL flow."""
