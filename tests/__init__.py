"""A package, so that one of the same name which a dependency installs does not take its place."""
