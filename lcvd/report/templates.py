"""Jinja templates of web pages and reports."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates_of(package: str) -> Environment:
    """The templates in a package's assets. Inserted text is escaped, because names come from users' files."""
    loader = PackageLoader(package, "assets")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
