"""The kinds of tables that can be taken in and given out, by the name that commands and addresses use."""

from backend.places.imports import Kind

KINDS: dict[str, Kind] = {}
