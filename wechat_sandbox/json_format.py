"""Writes what is pushed in the data format JSON, which the owner of a mini program may choose."""

import json
from collections.abc import Mapping, Sequence


def render(fields: Mapping[str, object]) -> str:
    """The fields as one object. What is nested stands at the top without its name, so that an event's `List`
    does: the object itself if there is one, an array of several."""
    top: dict[str, object] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            top |= {inner: _one_or_many(item) for inner, item in value.items()}
        else:
            top[name] = value
    return json.dumps(top, ensure_ascii=False)


def _one_or_many(item: object) -> object:
    is_alone = isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 1
    return item[0] if is_alone and isinstance(item, Sequence) else item
