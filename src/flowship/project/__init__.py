"""The project's files: the build context, the requirements, the first project of `init`."""
