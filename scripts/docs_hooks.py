"""Hooks of the documentation build: include texts that are maintained elsewhere."""

import re
from collections.abc import Callable
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from lcvd.config.explain import keys
from lcvd.config.profiles import profile
from lcvd.model.hub import SMALL, find_model
from lcvd.model.latents import TINY
from lcvd.weights.registry import REGISTRY


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace ``<!-- name -->`` ... ``<!-- end -->`` by the generated text `name` of `TEXTS`. The text in between is a
    pointer for readers of the source. Links to files outside the docs folder become plain text."""
    filled = re.sub(r"<!-- ([a-z-]+) -->.*?<!-- end -->", lambda found: TEXTS[found[1]](), markdown, flags=re.DOTALL)
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"`\1`", filled)


def settings() -> str:
    """One table per section: key, values, the values of the two profiles, meaning."""
    lines, section = [], ""
    profiles = [profile(name).model_dump(mode="json") for name in ("demo", "paper")]
    for key in keys():
        head, _, rest = key.name.partition(".")
        if not rest:
            lines.append(f"`{key.name}` ({key.takes}): {key.meaning}\n")
            continue
        if head != section:
            lines.append(f"\n## {head}\n\n| key | takes | demo | paper | meaning |\n|---|---|---|---|---|")
            section = head
        values = " | ".join(f"`{reduce(getitem, key.name.split('.'), each)}`" for each in profiles)
        lines.append(f"| `{rest}` | {key.takes} | {values} | {key.meaning} |")
    return "\n".join(lines)


def card(folder: Path) -> str:
    """The card of the model in a folder, without its title."""
    return (folder / "README.md").read_text(encoding="utf-8").partition("\n")[2]


def weights() -> str:
    """Published weights, their licences, and the open substitutes."""
    rows = [f"| {each.role} | `{each.file}` | {each.licence} | {each.open_default} |" for each in REGISTRY]
    return "\n".join(["| purpose | file | licence | open substitute |", "|---|---|---|---|", *rows])


TEXTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "small-model": lambda: card(find_model(SMALL)),
    "weights": weights,
    "autoencoder": lambda: card(TINY),
}
