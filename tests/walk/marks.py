"""Words that stand nowhere else, so that whoever shows one has shown the row that holds it."""

from dataclasses import dataclass, field

from backend.privacy import mask_phone

PEOPLE = ("officers.", "residents.")  # whose numbers are shown masked


@dataclass
class Marks:
    """The marks of one street: what each stands for, by the text to look for.

    `kind` is the table and column, and the level or part where that matters, like areas.community.name.
    """

    word: str  # begins each of them
    digit: int  # begins the last four of each telephone number, which a mask leaves readable
    kinds: dict[str, str] = field(default_factory=dict)

    def text(self, kind: str) -> str:
        """A new mark for this kind."""
        mark = f"{self.word}{len(self.kinds):03d}"
        self.kinds[mark] = kind
        return mark

    def phone(self, kind: str) -> str:
        """A new telephone number for this kind; the masked form is looked for as well."""
        number = f"1380000{self.digit}{len(self.kinds):03d}"
        self.kinds[number] = kind
        if kind.startswith(PEOPLE):
            self.kinds[mask_phone(number)] = f"{kind}, masked"
        return number

    def known(self, kind: str, text: str) -> str:
        """A text that was made elsewhere (a number, a token), to be looked for as well."""
        self.kinds[text] = kind
        return text

    def first(self, kind: str) -> str:
        """The first mark of this kind."""
        return next(mark for mark, each in self.kinds.items() if each == kind)

    def in_text(self, text: str) -> dict[str, str]:
        """The marks that stand in this text, with their kinds."""
        return {mark: kind for mark, kind in self.kinds.items() if mark in text}
