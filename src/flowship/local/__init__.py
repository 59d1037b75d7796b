"""What runs on this machine: a server, a worker, months of the shipped flow."""
