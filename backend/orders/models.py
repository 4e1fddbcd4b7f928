"""Tables of orders: the order, the units it binds, the cases under it, its events and photos."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.cases.models import Case
from backend.cases.workflow import Outcome
from backend.db import Base, created_at
from backend.orders.workflow import Action, PartStatus, Status
from backend.places.models import Area, Unit
from backend.places.roles import Role


class Order(Base):
    """An electronic order (电子发令单) of a community. It binds its units from its approval on."""

    __tablename__ = "orders"
    __table_args__ = (
        sa.Index("ix_orders_community", "community_id", "id"),
        sa.Index("ix_orders_subdistrict", "subdistrict_id", "id"),
        sa.Index("ix_orders_district", "district_id", "id"),
        sa.Index("ix_orders_open", "id", postgresql_where=sa.text("status IN ('drafted', 'issued')")),
        sa.Index("ix_orders_key", "key", unique=True, postgresql_where=sa.text("key IS NOT NULL")),
    )

    number: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str | None]  # the form's own key: the same key, the same order
    status: Mapped[Status] = mapped_column(server_default="drafted")
    title: Mapped[str]
    text: Mapped[str]  # what is to be done
    urgent: Mapped[bool] = mapped_column(server_default=sa.false())
    wants_callback: Mapped[bool] = mapped_column(server_default=sa.false())  # reporters are called in the end
    place_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    district_id: Mapped[int | None]
    subdistrict_id: Mapped[int | None]
    community_id: Mapped[int | None]
    zone_id: Mapped[int | None]
    grid_id: Mapped[int | None]
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))  # the lead unit (主办)
    address: Mapped[str | None]
    drafted_by: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    approved_at: Mapped[datetime | None]
    answer: Mapped[str | None]  # the one public answer, by the lead
    outcome: Mapped[Outcome | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]  # answered, refused or withdrawn
    urged: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    urged_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    place: Mapped[Area] = relationship(lazy="raise_on_sql")
    unit: Mapped[Unit] = relationship(lazy="raise_on_sql")
    parts: Mapped[list["OrderUnit"]] = relationship(
        back_populates="order", order_by="(OrderUnit.is_lead.desc(), OrderUnit.id)", lazy="raise_on_sql"
    )


class OrderUnit(Base):
    """A unit under an order (受令单位), with its own clocks, evidence and answer."""

    __tablename__ = "order_units"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "unit_id"),
        sa.Index("ix_order_units_unit", "unit_id", "order_id"),
        sa.Index(
            "ix_order_units_lead",
            "order_id",
            unique=True,
            postgresql_where=sa.text("is_lead AND status <> 'withdrawn'"),
        ),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    is_lead: Mapped[bool] = mapped_column(server_default=sa.false())
    status: Mapped[PartStatus] = mapped_column(server_default="owed")
    task: Mapped[str] = mapped_column(server_default="")  # what this unit is to do
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    due_at: Mapped[datetime | None]  # its nearest running deadline
    acknowledged_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    arrived_latitude: Mapped[float | None]  # WGS-84
    arrived_longitude: Mapped[float | None]
    reported_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    created_at: Mapped[created_at]

    order: Mapped[Order] = relationship(back_populates="parts", lazy="raise_on_sql")
    unit: Mapped[Unit] = relationship(lazy="raise_on_sql")


class OrderCase(Base):
    """A case under an order: it gets the order's answer."""

    __tablename__ = "order_cases"
    __table_args__ = (sa.UniqueConstraint("order_id", "case_id"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)

    case: Mapped[Case] = relationship(lazy="raise_on_sql")


class OrderEvent(Base):
    """One step in an order's life. Rows are only ever added."""

    __tablename__ = "order_events"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    order_unit_id: Mapped[int | None] = mapped_column(ForeignKey("order_units.id"))
    action: Mapped[Action]
    role: Mapped[Role]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[created_at]

    unit: Mapped[Unit | None] = relationship(lazy="raise_on_sql")


class OrderPhoto(Base):
    """Evidence that a unit brought, kept by its content's hash."""

    __tablename__ = "order_photos"
    __table_args__ = (sa.UniqueConstraint("order_unit_id", "sha256"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    order_unit_id: Mapped[int] = mapped_column(ForeignKey("order_units.id"))
    sha256: Mapped[str]
    mime: Mapped[str]
    size: Mapped[int]
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]
