"""What people type: cleaned once, with the same limits on every page and in the API."""

import re

NOTE_LENGTH = 500  # characters
ADDRESS_LENGTH = 100

# PostgreSQL takes no NUL; the other control characters would be seen by nobody.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069\ufeff]")


def clean(text: str) -> str:
    """The text without what cannot be seen, and without blank edges. Line breaks are \\n."""
    return _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
