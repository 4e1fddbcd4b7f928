"""What people type: cleaned once, with the same limits on every page and in the API."""

from backend.sheets import UNSEEN

NOTE_LENGTH = 500  # characters
ADDRESS_LENGTH = 100


def clean(text: str) -> str:
    """The text without what cannot be seen, and without blank edges. Line breaks are \\n."""
    return UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
