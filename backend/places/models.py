"""Tables of places and people: areas, their QR codes, units, officers, posts, residents."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.db import Base, Ltree, created_at
from backend.places.roles import Level, Role, UnitKind
from backend.privacy import Sealed


class Area(Base):
    """A place in the one tree from district to building. Its ancestors' ids stand beside it, because
    filtering by a plain column is 10-40 times faster than by the path (docs/performance.md)."""

    __tablename__ = "areas"
    __table_args__ = (
        sa.UniqueConstraint("parent_id", "name"),
        sa.Index("ix_areas_path", "path", postgresql_using="gist"),
        sa.Index("ix_areas_name", "district_id", "name"),
    )

    parent_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    level: Mapped[Level]
    name: Mapped[str]
    path: Mapped[str] = mapped_column(Ltree)
    district_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    subdistrict_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    latitude: Mapped[float | None]  # WGS-84
    longitude: Mapped[float | None]
    telephone: Mapped[str | None]

    parent: Mapped["Area | None"] = relationship(
        remote_side="Area.id", foreign_keys="Area.parent_id", lazy="raise_on_sql"
    )


class PlaceCode(Base):
    """A QR code that stands for a place (and nothing else): the scene is random and says nothing."""

    __tablename__ = "place_codes"

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)
    scene: Mapped[str] = mapped_column(unique=True)
    account: Mapped[str | None]  # which official account made the picture, if one did
    ticket: Mapped[str | None]
    url: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    area: Mapped[Area] = relationship(lazy="raise_on_sql")


class Unit(Base):
    """A department, office or other body that handles cases (责任单位)."""

    __tablename__ = "units"
    __table_args__ = (sa.UniqueConstraint("area_id", "name"),)

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    kind: Mapped[UnitKind]
    name: Mapped[str]
    telephone: Mapped[str | None]

    area: Mapped[Area] = relationship(lazy="raise_on_sql")


class Officer(Base):
    """Someone who works on cases. Which ones follows from the posts, never from the person."""

    __tablename__ = "officers"

    name: Mapped[str] = mapped_column(Sealed("officers.name"))
    phone: Mapped[str | None] = mapped_column(Sealed("officers.phone"))
    left_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    posts: Mapped[list["Post"]] = relationship(back_populates="officer", lazy="raise_on_sql")


class Post(Base):
    """Officer × role × area or unit (岗位); an officer may hold several."""

    __tablename__ = "posts"
    __table_args__ = (
        sa.CheckConstraint("(area_id IS NULL) <> (unit_id IS NULL)", name="area_or_unit"),
        sa.Index("ix_posts_area", "area_id", "role", postgresql_where=sa.text("until IS NULL")),
        sa.Index("ix_posts_unit", "unit_id", "role", postgresql_where=sa.text("until IS NULL")),
    )

    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    role: Mapped[Role]
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    force_kind: Mapped[str | None]  # which of the 14 kinds of community force (平安员类别)
    until: Mapped[datetime | None]

    officer: Mapped[Officer] = relationship(back_populates="posts", lazy="raise_on_sql")
    area: Mapped[Area | None] = relationship(lazy="raise_on_sql")
    unit: Mapped[Unit | None] = relationship(lazy="raise_on_sql")


class BindingCode(Base):
    """A personal, single-use, expiring code by which an officer binds their WeChat. Stored as a hash."""

    __tablename__ = "binding_codes"

    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[created_at]


class Resident(Base):
    """Someone who reports (居民). Everything about the person is sealed."""

    __tablename__ = "residents"

    name: Mapped[str | None] = mapped_column(Sealed("residents.name"))
    phone: Mapped[str | None] = mapped_column(Sealed("residents.phone"))
    phone_index: Mapped[bytes | None] = mapped_column(index=True)
    created_at: Mapped[created_at]
