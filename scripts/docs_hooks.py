"""Hooks of the documentation build: include texts that are maintained elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lcvd.config.explain import keys
from lcvd.config.profiles import profile
from lcvd.model.hub import SMALL, find_model
from lcvd.weights.registry import REGISTRY

ROOT = Path(__file__).resolve().parent.parent


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace ``<!-- name -->`` ... ``<!-- end -->`` by the generated text `name` of `TEXTS`. The text in between is a
    pointer for readers of the source. Links to files outside the docs folder become plain text."""
    filled = re.sub(r"<!-- ([a-z-]+) -->.*?<!-- end -->", lambda found: TEXTS[found[1]](), markdown, flags=re.DOTALL)
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"`\1`", filled)


def settings() -> str:
    """One table per section: key, values, the values of the two profiles, meaning."""
    return "\n".join(_sections())


def _sections() -> Iterator[str]:
    demo, paper = profile("demo"), profile("paper")
    section = None
    for key in keys():
        head = key.name.split(".")[0]
        if head != section and "." in key.name:
            section = head
            yield f"\n## {section}\n\n| key | takes | demo | paper | meaning |\n|---|---|---|---|---|"
        elif "." not in key.name:
            yield f"`{key.name}` ({key.takes}): {key.meaning}\n"
            continue
        values = " | ".join(f"`{_value(each, key.name)}`" for each in (demo, paper))
        yield f"| `{key.name.removeprefix(head + '.')}` | {key.takes} | {values} | {key.meaning} |"


def _value(settings: Any, name: str) -> Any:
    for part in name.split("."):
        settings = getattr(settings, part)
    return list(settings) if isinstance(settings, tuple) else settings


def small_model() -> str:
    """The card of the included model, without its title."""
    return (find_model(SMALL) / "README.md").read_text(encoding="utf-8").partition("\n")[2]


def weights() -> str:
    """Published weights, their licences, and the open substitutes."""
    rows = [f"| {each.role} | `{each.file}` | {each.licence} | {each.open_default} |" for each in REGISTRY]
    return "\n".join(["| purpose | file | licence | open substitute |", "|---|---|---|---|", *rows])


def autoencoder() -> str:
    """The card of the tiny autoencoder, without its title."""
    text = (ROOT / "lcvd/model/assets/tiny_autoencoder/README.md").read_text(encoding="utf-8")
    return text.partition("\n")[2]


TEXTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "small-model": small_model,
    "weights": weights,
    "autoencoder": autoencoder,
}
