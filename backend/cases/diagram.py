"""The table of a case's life as a picture, for README.md."""

from backend.cases.workflow import LOOKS, RULES, STATUS_LABELS, Action, Status


def diagram() -> str:
    """The table as a Mermaid diagram, for README.md."""
    arrows = [
        f"    {source} --> {rule.target}: {action} {rule.label}"
        for action, rule in RULES.items()
        if rule.target
        for source in rule.sources
    ]
    names = [f"    {status}: {status} {label}" for status, label in STATUS_LABELS.items()]
    start = f"    [*] --> {Status.SUBMITTED}: {Action.SUBMIT} {RULES[Action.SUBMIT].label}"
    return "\n".join(["stateDiagram-v2", *names, start, *arrows, *_staying()])


def _staying() -> list[str]:
    """The steps that leave the status as it is, as a note: as arrows they would hide the others."""
    staying = [action for action, rule in RULES.items() if rule.target is None and action not in LOOKS]
    steps = [f"        {action} {RULES[action].label}" for action in staying]
    return [f"    note right of {Status.SUBMITTED}", "        状态不变：", *steps, "    end note"]
