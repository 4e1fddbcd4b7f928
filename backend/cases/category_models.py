"""Tables of the event dictionary (事件字典): its editions and entries."""

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.db import Base, created_at


class CaseKind(StrEnum):
    """The five kinds of case (五大类)."""

    COMPLAINT = "complaint"
    DISPUTE = "dispute"
    LEGAL = "legal"
    COUNSELLING = "counselling"
    ASSISTANCE = "assistance"


class Edition(Base):
    """An edition of the event dictionary (事件字典的一版): what was taken in at once."""

    __tablename__ = "editions"

    name: Mapped[str]
    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"))
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]


class Category(Base):
    """An entry of the event dictionary, on one of four levels, as some editions had it.

    What it says (code, names from the top) never changes. An edition that says it otherwise ends this row and
    adds another, so that an old case goes on saying what it said.
    """

    __tablename__ = "categories"
    __table_args__ = (
        sa.CheckConstraint("level BETWEEN 1 AND 4", name="four_levels"),
        sa.Index("ix_categories_code", "code", unique=True, postgresql_where=sa.text("until_id IS NULL")),
        sa.Index("ix_categories_parent", "parent_id"),
    )

    code: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    level: Mapped[int] = mapped_column(sa.SmallInteger)
    kind: Mapped[CaseKind]
    name: Mapped[str]
    path: Mapped[str]  # the names from the top, like 市容环卫 / 占道经营 / 无照经营游商
    initials: Mapped[str]  # of the name in pinyin, for typing
    synonyms: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    keywords: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    resolve_hours: Mapped[int | None] = mapped_column(sa.SmallInteger)  # the time limit, if it has its own
    in_working_days: Mapped[bool] = mapped_column(
        server_default=sa.false()
    )  # the limit counts those, of 24 h
    since_id: Mapped[int] = mapped_column(ForeignKey("editions.id"))
    until_id: Mapped[int | None] = mapped_column(ForeignKey("editions.id"))  # the first without it

    parent: Mapped["Category | None"] = relationship(remote_side="Category.id", lazy="raise_on_sql")
