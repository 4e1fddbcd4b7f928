"""The table of an order's life as a picture, for README.md."""

from backend.cases.diagram import moving
from backend.orders.workflow import PART_LABELS, RULES, STATUS_LABELS, Action, PartStatus, Status


def diagram() -> str:
    """The table as a Mermaid diagram, for README.md: the order, and within it the part of each unit."""
    moves = moving(STATUS_LABELS, RULES, Status.DRAFTED, Action.DRAFT)
    return "\n".join(["stateDiagram-v2", *moves, *_of_parts()])


def _of_parts() -> list[str]:
    """The life of a part, as a picture within `issued`; its states are named apart from the order's."""
    names = [f"        unit_{part}: {part} {label}" for part, label in PART_LABELS.items()]
    arrows = [
        f"        unit_{source} --> unit_{rule.part_target}: {action} {rule.label}"
        for action, rule in RULES.items()
        if rule.part_target
        for source in rule.parts
    ]
    opening = f"        [*] --> unit_{PartStatus.OWED}: {Action.ADD_UNIT} {RULES[Action.ADD_UNIT].label}"
    return [f"    state {Status.ISSUED} {{", *names, opening, *arrows, "    }"]
