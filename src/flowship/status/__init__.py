"""How the deployments of a project do: `flowship status`."""
