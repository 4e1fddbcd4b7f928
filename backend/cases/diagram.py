"""The table of a case's life as a picture, for README.md."""

from collections.abc import Mapping
from typing import Any

from backend.cases.workflow import LOOKS, RULES, STATUS_LABELS, Action, Status


def diagram() -> str:
    """The table as a Mermaid diagram, for README.md."""
    moves = moving(STATUS_LABELS, RULES, Status.SUBMITTED, Action.SUBMIT)
    return "\n".join(["stateDiagram-v2", *moves, *_staying()])


def moving(labels: Mapping[Any, str], rules: Mapping[Any, Any], first: Any, opening: Any) -> list[str]:
    """The lines of any such table: its statuses by name, the step that opens in the first, and each step from
    one to another."""
    names = [f"    {status}: {status} {label}" for status, label in labels.items()]
    start = f"    [*] --> {first}: {opening} {rules[opening].label}"
    arrows = [
        f"    {source} --> {rule.target}: {action} {rule.label}"
        for action, rule in rules.items()
        if rule.target
        for source in rule.sources
    ]
    return [*names, start, *arrows]


def _staying() -> list[str]:
    """The steps that leave the status as it is, as a note: as arrows they would hide the others."""
    staying = [action for action, rule in RULES.items() if rule.target is None and action not in LOOKS]
    steps = [f"        {action} {RULES[action].label}" for action in staying]
    return [f"    note right of {Status.SUBMITTED}", "        状态不变：", *steps, "    end note"]
