"""What stands on a card: the values of a message, fitted into the slots of an account's template."""

from backend.notify.channels import Owed, values_of
from backend.notify.fitting import fit, fit_names
from backend.wechat.accounts import Template


def slots_of(owed: Owed, template: Template) -> dict[str, str]:
    """Slot → value, each as the platform takes it."""
    values = values_of(owed)
    return {slot: _fitted(slot, name, values[name], owed) for name, slot in template.slots.items()}


def _fitted(slot: str, name: str, value: str, owed: Owed) -> str:
    return fit_names(slot, value) if name == "who" else fit(slot, value, owed.created_at)
