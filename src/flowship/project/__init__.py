"""The project's files: the build context, requirements, a first project."""
