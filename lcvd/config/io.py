"""Read and write ``params.yaml``. Errors name the key, the value and the most similar known key."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lcvd.config.settings import Settings
from lcvd.errors import UsageError


class SettingsError(UsageError):
    """``params.yaml`` is invalid. The message lists every offending key."""


def load_settings(path: Path | str = "params.yaml", changes: Mapping[str, Any] | None = None) -> Settings:
    """Read and validate the settings file, with `changes` (values by dotted key) in place of its own values.

    Raises:
        SettingsError: the file is missing, is not YAML, or has unknown keys or invalid values. The message lists each one.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: not found; write one with `lcvd config use demo`") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: expected a mapping of sections, found {type(data).__name__}")
    for key, value in (changes or {}).items():
        _change(data, key, value)
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        lines = "\n".join(f"  {_explain(item)}" for item in error.errors())
        raise SettingsError(f"{path}:\n{lines}") from None


def _change(data: dict[str, Any], key: str, value: Any) -> None:
    *sections, name = key.split(".")
    for section in sections:
        data = data.setdefault(section, {})
        if not isinstance(data, dict):
            raise SettingsError(f"unknown key {key!r}; {section!r} has no keys")
    data[name] = value


def dump_settings(settings: Settings) -> str:
    """Return the settings as YAML with every default written out, in the order of the stages."""
    header = "# Written by `lcvd config use`; edit freely. `lcvd config check` lists unknown keys and invalid values.\n"
    return header + yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _explain(item: Any) -> str:
    location = tuple(str(part) for part in item["loc"])
    key = ".".join(location)
    if item["type"] == "extra_forbidden":
        section: Any = Settings
        for part in location[:-1]:
            section = section.model_fields[part].annotation
        known = list(section.model_fields)
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    if item["type"] == "missing":
        return f"key {key!r} is missing; `lcvd config use demo` writes every key"
    found = "" if isinstance(item["input"], dict) else f" (found {item['input']!r})"
    return f"{key or 'settings'}: {item['msg']}{found}"
