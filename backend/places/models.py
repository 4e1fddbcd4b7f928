"""Tables of places and people: areas, their outlines and QR codes, units, officers, posts, residents."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.db import Base, Ltree, Ring, created_at
from backend.places.roles import Carrier, Datum, Force, Level, Role, UnitKind
from backend.privacy import Sealed


class Area(Base):
    """A place in the one tree from district to building. Its ancestors' ids stand beside it, because
    filtering by a plain column is 10-40 times faster than by the path (docs/performance.md)."""

    __tablename__ = "areas"
    __table_args__ = (
        sa.Index(
            "ix_areas_sibling",
            "parent_id",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index("ix_areas_code", "code", unique=True, postgresql_where=sa.text("code IS NOT NULL")),
        sa.Index("ix_areas_path", "path", postgresql_using="gist"),
        sa.Index("ix_areas_name", "district_id", "name"),
        sa.Index("ix_areas_subdistrict", "subdistrict_id"),
        sa.Index("ix_areas_community", "community_id"),
        sa.Index("ix_areas_zone", "zone_id", postgresql_where=sa.text("zone_id IS NOT NULL")),
        sa.Index("ix_areas_grid", "grid_id", postgresql_where=sa.text("grid_id IS NOT NULL")),
        sa.Index("ix_areas_latitude", "latitude", "longitude"),
    )

    parent_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)
    level: Mapped[Level]
    code: Mapped[str | None]  # the official one, where there is one
    name: Mapped[str]
    path: Mapped[str] = mapped_column(Ltree)
    district_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    subdistrict_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    latitude: Mapped[float | None]  # WGS-84
    longitude: Mapped[float | None]
    datum: Mapped[Datum] = mapped_column(server_default="wgs84")  # what the position was given in
    telephone: Mapped[str | None]
    hours: Mapped[str | None]  # when its offices work, like 09:00-12:00 14:00-18:00; None: as above it
    closed_at: Mapped[datetime | None]
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))  # who goes on with its work

    parent: Mapped["Area | None"] = relationship(
        remote_side="Area.id", foreign_keys="Area.parent_id", lazy="raise_on_sql"
    )


class Outline(Base):
    """One ring of an area's outline in WGS-84 degrees, as (longitude, latitude). A hole is cut out."""

    __tablename__ = "outlines"
    __table_args__ = (sa.Index("ix_outlines_ring", "ring", postgresql_using="gist"),)

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)
    ring: Mapped[str] = mapped_column(Ring)
    is_hole: Mapped[bool] = mapped_column(server_default=sa.false())


class PlaceCode(Base):
    """A QR code that stands for a place, and if wanted for a unit and a category: the scene is random."""

    __tablename__ = "place_codes"

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    carrier: Mapped[Carrier] = mapped_column(server_default="account")
    scene: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str | None]  # where exactly it hangs, or on what
    account: Mapped[str | None]  # which official account made the picture, if one did
    ticket: Mapped[str | None]
    url: Mapped[str | None]  # the text in the picture
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    area: Mapped[Area] = relationship(lazy="raise_on_sql")
    unit: Mapped["Unit | None"] = relationship(lazy="raise_on_sql")


class CodeScans(Base):
    """How often a code was scanned on one day in Shanghai."""

    __tablename__ = "code_scans"
    __table_args__ = (sa.UniqueConstraint("code_id", "day"),)

    code_id: Mapped[int] = mapped_column(ForeignKey("place_codes.id"))
    day: Mapped[date]
    scans: Mapped[int] = mapped_column(server_default="0")
    far: Mapped[int] = mapped_column(server_default="0")  # of these, from far away, where that is known


class Unit(Base):
    """A department, office or other body that handles cases (责任单位)."""

    __tablename__ = "units"
    __table_args__ = (
        sa.Index(
            "ix_units_name", "area_id", "name", unique=True, postgresql_where=sa.text("closed_at IS NULL")
        ),
        sa.Index("ix_units_code", "code", unique=True, postgresql_where=sa.text("code IS NOT NULL")),
    )

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    kind: Mapped[UnitKind]
    code: Mapped[str | None]
    name: Mapped[str]
    aliases: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")  # other names it goes by
    telephone: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))

    area: Mapped[Area] = relationship(lazy="raise_on_sql")


class Officer(Base):
    """Someone who works on cases. Which ones follows from the posts, never from the person."""

    __tablename__ = "officers"
    __table_args__ = (
        sa.Index("ix_officers_code", "code", unique=True, postgresql_where=sa.text("code IS NOT NULL")),
    )

    code: Mapped[str | None]  # 工号
    name: Mapped[str] = mapped_column(Sealed("officers.name"))
    name_index: Mapped[bytes | None] = mapped_column(index=True)
    phone: Mapped[str | None] = mapped_column(Sealed("officers.phone"))
    phone_index: Mapped[bytes | None] = mapped_column(index=True)
    second_factor: Mapped[str | None] = mapped_column(Sealed("officers.second_factor"))  # TOTP, base32
    second_factor_step: Mapped[int | None]  # the last step of 30 s whose code was taken
    left_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    posts: Mapped[list["Post"]] = relationship(back_populates="officer", lazy="raise_on_sql")


class Post(Base):
    """Officer × role × area or unit, from–until (岗位); an officer may hold several.

    While its holder is away the post is not alerted. Who stands in holds a post of their own meanwhile,
    whose `for_id` names this one.
    """

    __tablename__ = "posts"
    __table_args__ = (
        sa.CheckConstraint("(area_id IS NULL) <> (unit_id IS NULL)", name="area_or_unit"),
        sa.CheckConstraint("until > since", name="ends_after_start"),
        sa.CheckConstraint("(away_since IS NULL) = (away_until IS NULL)", name="away_from_to"),
        sa.Index("ix_posts_area", "area_id", "role"),
        sa.Index("ix_posts_unit", "unit_id", "role"),
    )

    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    role: Mapped[Role]
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    force_kind: Mapped[Force | None]  # which of the 14 kinds of community force (平安员类别)
    since: Mapped[created_at]
    until: Mapped[datetime | None]
    away_since: Mapped[datetime | None]
    away_until: Mapped[datetime | None]
    for_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"), index=True)

    officer: Mapped[Officer] = relationship(back_populates="posts", lazy="raise_on_sql")
    area: Mapped[Area | None] = relationship(lazy="raise_on_sql")
    unit: Mapped[Unit | None] = relationship(lazy="raise_on_sql")


class Shift(Base):
    """A turn of duty (值班): who holds this post answers for its area or unit in these hours."""

    __tablename__ = "shifts"
    __table_args__ = (
        sa.UniqueConstraint("post_id", "since"),
        sa.CheckConstraint("until > since", name="ends_after_start"),
        sa.Index("ix_shifts_until", "until", "since"),
    )

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"))
    since: Mapped[datetime]
    until: Mapped[datetime]

    post: Mapped[Post] = relationship(lazy="raise_on_sql")


class BindingCode(Base):
    """A personal, single-use, expiring code by which an officer binds their WeChat. Stored as a hash."""

    __tablename__ = "binding_codes"

    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[created_at]


class Import(Base):
    """A table that was taken in from a file, with what became of its rows."""

    __tablename__ = "imports"

    kind: Mapped[str]  # areas, units, officers, categories, duties
    file_name: Mapped[str]
    sha256: Mapped[str]  # by which the file lies in the store, sealed: it may hold names and numbers
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # None: the command line
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))  # by fate
    report: Mapped[str] = mapped_column(Sealed("imports.report"))  # every row's fate, a line each
    applied_at: Mapped[datetime | None]
    created_at: Mapped[created_at]


class Change(Base):
    """The record of changes: who did what to a row of these tables, and what was there before and after."""

    __tablename__ = "changes"
    __table_args__ = (
        sa.Index("ix_changes_row", "subject", "subject_id", "id"),
        sa.Index("ix_changes_area", "area_id", "id"),
    )

    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # None: the command line
    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"))
    action: Mapped[str]  # added, changed, moved, merged, closed, …
    subject: Mapped[str]  # the table
    subject_id: Mapped[int]
    name: Mapped[str]  # what the row was called then
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))  # where it belongs
    before: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    after: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    created_at: Mapped[created_at]


class Resident(Base):
    """Someone who reports (居民). Everything about the person is sealed."""

    __tablename__ = "residents"

    name: Mapped[str | None] = mapped_column(Sealed("residents.name"))
    phone: Mapped[str | None] = mapped_column(Sealed("residents.phone"))
    phone_index: Mapped[bytes | None] = mapped_column(index=True)
    created_at: Mapped[created_at]
