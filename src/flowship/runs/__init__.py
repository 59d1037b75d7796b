"""Flow runs: a deployment is found, a run is started, followed, and explained."""
