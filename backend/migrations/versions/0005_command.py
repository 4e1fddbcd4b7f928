"""Command: dispatch, orders, deadlines with their ledger, supervision, meetings, sealed steps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PEOPLE = {"handler_id": "officers", "leader_id": "officers", "master_id": "cases", "parent_id": "cases"}


def upgrade() -> None:
    """What takes long on a table of millions (indexes, checks of keys) is left to the next migration."""
    _cases()
    _command()
    _orders()
    _deadlines()
    _supervision()
    _meetings()
    _ledger()
    _clocks()


def _cases() -> None:
    """Only columns, and first: who has read a case goes on to read its place, which must not be held yet."""
    op.add_column("cases", sa.Column("handler_id", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("leader_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "cases",
        sa.Column("group_ids", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
    )
    op.add_column("cases", sa.Column("master_id", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("parent_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "cases", sa.Column("marks", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("cases", sa.Column("is_legacy", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("sent_back", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("arbitrated_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("question", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("asked_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("replied_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("assigned_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("acknowledged_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("first_contact_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("answered_at", sa.TIMESTAMP(timezone=True), nullable=True))
    for column, table in PEOPLE.items():
        name = op.f(f"fk_cases_{column}")
        op.create_foreign_key(name, "cases", table, [column], ["id"], postgresql_not_valid=True)
    op.add_column("areas", sa.Column("hours", sa.Text(), nullable=True))


def _command() -> None:
    """Links between cases, and where cases go by themselves."""
    op.create_table(
        "case_links",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("case_id < other_id", name=op.f("ck_case_links_one_row_for_both")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_links_case_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_case_links_officer_id")),
        sa.ForeignKeyConstraint(["other_id"], ["cases.id"], name=op.f("fk_case_links_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_links")),
        sa.UniqueConstraint("case_id", "other_id", name=op.f("uq_case_links_case_id_other_id")),
    )
    op.create_index("ix_case_links_other", "case_links", ["other_id"], unique=False)
    op.create_table(
        "auto_dispatch",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=True),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_auto_dispatch_area_id")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_auto_dispatch_category_id")
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_auto_dispatch_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_dispatch")),
        sa.UniqueConstraint(
            "area_id",
            "category_id",
            name=op.f("uq_auto_dispatch_area_id_category_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )


def _orders() -> None:
    """Orders, the units they bind, what happened and what was brought as proof."""
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "drafted",
                "issued",
                "answered",
                "refused",
                "withdrawn",
                name="status",
                native_enum=False,
                length=32,
            ),
            server_default="drafted",
            nullable=False,
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=False),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column("subdistrict_id", sa.BigInteger(), nullable=True),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("zone_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("drafted_by", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum("solved", "explained", "beyond_duty", name="outcome", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("answered_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("urged", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("urged_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["approved_by"], ["officers.id"], name=op.f("fk_orders_approved_by")),
        sa.ForeignKeyConstraint(["drafted_by"], ["officers.id"], name=op.f("fk_orders_drafted_by")),
        sa.ForeignKeyConstraint(["place_id"], ["areas.id"], name=op.f("fk_orders_place_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_orders_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_orders_number")),
    )
    op.create_index("ix_orders_community", "orders", ["community_id", "id"], unique=False)
    op.create_index("ix_orders_district", "orders", ["district_id", "id"], unique=False)
    op.create_index(
        "ix_orders_key", "orders", ["key"], unique=True, postgresql_where=sa.text("key IS NOT NULL")
    )
    op.create_index(
        "ix_orders_open",
        "orders",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status IN ('drafted', 'issued')"),
    )
    op.create_index("ix_orders_subdistrict", "orders", ["subdistrict_id", "id"], unique=False)
    op.create_table(
        "order_units",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("is_lead", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "owed",
                "acknowledged",
                "arrived",
                "reported",
                "withdrawn",
                name="partstatus",
                native_enum=False,
                length=32,
            ),
            server_default="owed",
            nullable=False,
        ),
        sa.Column("task", sa.Text(), server_default="", nullable=False),
        sa.Column("handler_id", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("arrived_latitude", sa.Double(), nullable=True),
        sa.Column("arrived_longitude", sa.Double(), nullable=True),
        sa.Column("reported_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["handler_id"], ["officers.id"], name=op.f("fk_order_units_handler_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_units_order_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_order_units_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_units")),
        sa.UniqueConstraint("order_id", "unit_id", name=op.f("uq_order_units_order_id_unit_id")),
    )
    op.create_index(
        "ix_order_units_lead",
        "order_units",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("is_lead AND status <> 'withdrawn'"),
    )
    op.create_index("ix_order_units_unit", "order_units", ["unit_id", "order_id"], unique=False)
    op.create_table(
        "order_cases",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_order_cases_case_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_cases_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_cases")),
        sa.UniqueConstraint("order_id", "case_id", name=op.f("uq_order_cases_order_id_case_id")),
    )
    op.create_index(op.f("ix_order_cases_case_id"), "order_cases", ["case_id"], unique=False)
    op.create_table(
        "order_events",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_unit_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "action",
            sa.Enum(
                "draft",
                "revise",
                "approve",
                "refuse",
                "withdraw",
                "add_unit",
                "withdraw_unit",
                "acknowledge",
                "arrive",
                "report_back",
                "return",
                "answer",
                "add",
                "urge",
                name="action",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "role",
            sa.Enum(
                "resident",
                "system",
                "safety_officer",
                "grid_officer",
                "information_officer",
                "secretary",
                "dispatcher",
                "handler",
                "unit_head",
                "mediator",
                "lawyer",
                "counsellor",
                "supervisor",
                "leader",
                "administrator",
                name="role",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_order_events_officer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_events_order_id")),
        sa.ForeignKeyConstraint(
            ["order_unit_id"], ["order_units.id"], name=op.f("fk_order_events_order_unit_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_order_events_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_events")),
    )
    op.create_index(op.f("ix_order_events_order_id"), "order_events", ["order_id"], unique=False)
    op.create_table(
        "order_photos",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_unit_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_order_photos_officer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_photos_order_id")),
        sa.ForeignKeyConstraint(
            ["order_unit_id"], ["order_units.id"], name=op.f("fk_order_photos_order_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_photos")),
        sa.UniqueConstraint("order_unit_id", "sha256", name=op.f("uq_order_photos_order_unit_id_sha256")),
    )
    op.create_index(op.f("ix_order_photos_order_id"), "order_photos", ["order_id"], unique=False)


def _deadlines() -> None:
    """How long clocks run, the days people work, what was asked and decided about a clock."""
    op.create_table(
        "policies",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column(
            "clock",
            sa.Enum(
                "accept",
                "assign",
                "acknowledge",
                "first_contact",
                "answer",
                "resolve",
                "arbitrate",
                "order_acknowledge",
                "order_arrive",
                "order_report",
                name="clock",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("area_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "level",
            sa.Enum(
                "district",
                "subdistrict",
                "community",
                "zone",
                "grid",
                "building",
                "station",
                name="level",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("category_id", sa.BigInteger(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=True),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("in_working_time", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("amber", sa.SmallInteger(), server_default="50", nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("amber BETWEEN 1 AND 99", name=op.f("ck_policies_amber_in_percent")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_policies_some_time")),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_policies_area_id")),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_policies_category_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_policies_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
    )
    op.create_index(
        "ix_policies_what",
        "policies",
        ["clock", "area_id", "level", "category_id", "urgent"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "calendar_days",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_calendar_days_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_days")),
        sa.UniqueConstraint("day", name=op.f("uq_calendar_days_day")),
    )
    op.create_table(
        "deadline_changes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("deadline_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("pause", "extend", "hasten", "move", name="changekind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("asked", "approved", "refused", name="decision", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("minutes", sa.BigInteger(), nullable=True),
        sa.Column("until_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.Column("due_before", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_after", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["officers.id"], name=op.f("fk_deadline_changes_asked_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_deadline_changes_case_id")),
        sa.ForeignKeyConstraint(
            ["deadline_id"], ["deadlines.id"], name=op.f("fk_deadline_changes_deadline_id")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.id"], name=op.f("fk_deadline_changes_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline_changes")),
    )
    op.create_index(
        "ix_deadline_changes_asked",
        "deadline_changes",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index(
        "ix_deadline_changes_case",
        "deadline_changes",
        ["case_id", "id"],
        unique=False,
        postgresql_where=sa.text("case_id IS NOT NULL"),
    )
    op.create_index("ix_deadline_changes_deadline", "deadline_changes", ["deadline_id"], unique=False)
    op.create_index(
        "ix_deadline_changes_until",
        "deadline_changes",
        ["until_at"],
        unique=False,
        postgresql_where=sa.text("kind = 'pause' AND state = 'approved' AND ended_at IS NULL"),
    )


def _supervision() -> None:
    """Supervision orders, monthly notices, exclusions."""
    op.create_table(
        "supervisions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "answered", "closed", name="supervised", native_enum=False, length=32),
            server_default="open",
            nullable=False,
        ),
        sa.Column("reminded_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "effect",
            sa.Enum("solved", "advanced", "none", name="effect", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(case_id IS NULL) <> (order_id IS NULL)", name=op.f("ck_supervisions_case_or_order")
        ),
        sa.ForeignKeyConstraint(["answered_by"], ["officers.id"], name=op.f("fk_supervisions_answered_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_supervisions_case_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_supervisions_officer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_supervisions_order_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_supervisions_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervisions")),
    )
    op.create_index("ix_supervisions_case", "supervisions", ["case_id"], unique=False)
    op.create_index(
        "ix_supervisions_due",
        "supervisions",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_supervisions_order",
        "supervisions",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index("ix_supervisions_unit", "supervisions", ["unit_id", "id"], unique=False)
    op.create_table(
        "monthly_notices",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column(
            "figures", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_monthly_notices_area_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_monthly_notices_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monthly_notices")),
        sa.UniqueConstraint("area_id", "month", name=op.f("uq_monthly_notices_area_id_month")),
    )
    op.create_table(
        "exclusions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column(
            "measure",
            sa.Enum(
                "accepted_in_time",
                "closed_on_time",
                "solved_first_time",
                "resolved",
                "satisfied",
                name="measure",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("asked", "approved", "refused", name="decision", native_enum=False, length=32),
            server_default="asked",
            nullable=False,
        ),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["officers.id"], name=op.f("fk_exclusions_asked_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_exclusions_case_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.id"], name=op.f("fk_exclusions_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusions")),
    )
    op.create_index(
        "ix_exclusions_asked", "exclusions", ["id"], unique=False, postgresql_where=sa.text("state = 'asked'")
    )
    op.create_index(
        "ix_exclusions_case",
        "exclusions",
        ["case_id", "round", "measure"],
        unique=True,
        postgresql_where=sa.text("state <> 'refused'"),
    )


def _meetings() -> None:
    """Tea meetings and reception days."""
    op.create_table(
        "meetings",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("tea", "reception", name="meetingkind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("place_id", sa.BigInteger(), nullable=False),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column("subdistrict_id", sa.BigInteger(), nullable=True),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("zone_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("where", sa.Text(), server_default="", nullable=False),
        sa.Column("host_id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("held_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["officers.id"], name=op.f("fk_meetings_host_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_meetings_officer_id")),
        sa.ForeignKeyConstraint(["place_id"], ["areas.id"], name=op.f("fk_meetings_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meetings")),
    )
    op.create_index("ix_meetings_community", "meetings", ["community_id", "id"], unique=False)
    op.create_index("ix_meetings_district", "meetings", ["district_id", "id"], unique=False)
    op.create_index("ix_meetings_subdistrict", "meetings", ["subdistrict_id", "id"], unique=False)
    op.create_table(
        "attendees",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_attendees_meeting_id")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("fk_attendees_resident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendees")),
        sa.UniqueConstraint("meeting_id", "resident_id", name=op.f("uq_attendees_meeting_id_resident_id")),
    )
    op.create_table(
        "matters",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("attendee_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["attendee_id"], ["attendees.id"], name=op.f("fk_matters_attendee_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_matters_case_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk_matters_meeting_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_matters_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matters")),
        sa.UniqueConstraint("case_id", name=op.f("uq_matters_case_id")),
    )
    op.create_index("ix_matters_meeting", "matters", ["meeting_id", "id"], unique=False)


def _ledger() -> None:
    """The seals on the steps of cases."""
    op.create_table(
        "seals",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_event_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["case_event_id"], ["case_events.id"], name=op.f("fk_seals_case_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seals")),
        sa.UniqueConstraint("case_event_id", name=op.f("uq_seals_case_event_id")),
    )
    op.create_table(
        "ledger_checks",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("until_id", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column(
            "result",
            sa.Enum("whole", "broken", name="verification", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("checked_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_checks")),
    )


def _clocks() -> None:
    """A clock may be of a unit under an order; the sweep goes by when it has to look again."""
    op.add_column("deadlines", sa.Column("order_unit_id", sa.BigInteger(), nullable=True))
    op.add_column("deadlines", sa.Column("minutes", sa.BigInteger(), nullable=True))
    op.add_column(
        "deadlines", sa.Column("in_working_time", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("deadlines", sa.Column("amber_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("deadlines", sa.Column("next_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("deadlines", sa.Column("stage", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("deadlines", sa.Column("paused_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.alter_column("deadlines", "case_id", existing_type=sa.BIGINT(), nullable=True)
    op.create_foreign_key(
        op.f("fk_deadlines_order_unit_id"),
        "deadlines",
        "order_units",
        ["order_unit_id"],
        ["id"],
        postgresql_not_valid=True,
    )
    op.execute(
        "ALTER TABLE deadlines ADD CONSTRAINT ck_deadlines_case_or_order_unit"
        " CHECK ((case_id IS NULL) <> (order_unit_id IS NULL)) NOT VALID"
    )


def downgrade() -> None:
    op.execute("DELETE FROM deadlines WHERE case_id IS NULL")
    op.alter_column("deadlines", "case_id", existing_type=sa.BigInteger(), nullable=False)
    op.drop_column("deadlines", "order_unit_id")
    op.drop_column("deadlines", "minutes")
    op.drop_column("deadlines", "in_working_time")
    op.drop_column("deadlines", "amber_at")
    op.drop_column("deadlines", "next_at")
    op.drop_column("deadlines", "stage")
    op.drop_column("deadlines", "paused_at")
    op.drop_table("ledger_checks")
    op.drop_table("seals")
    op.drop_table("matters")
    op.drop_table("attendees")
    op.drop_table("meetings")
    op.drop_table("exclusions")
    op.drop_table("monthly_notices")
    op.drop_table("supervisions")
    op.drop_table("deadline_changes")
    op.drop_table("calendar_days")
    op.drop_table("policies")
    op.drop_table("order_photos")
    op.drop_table("order_events")
    op.drop_table("order_cases")
    op.drop_table("order_units")
    op.drop_table("orders")
    op.drop_table("auto_dispatch")
    op.drop_table("case_links")
    op.drop_column("areas", "hours")
    op.drop_column("cases", "handler_id")
    op.drop_column("cases", "leader_id")
    op.drop_column("cases", "group_ids")
    op.drop_column("cases", "master_id")
    op.drop_column("cases", "parent_id")
    op.drop_column("cases", "marks")
    op.drop_column("cases", "is_legacy")
    op.drop_column("cases", "sent_back")
    op.drop_column("cases", "arbitrated_at")
    op.drop_column("cases", "question")
    op.drop_column("cases", "asked_at")
    op.drop_column("cases", "replied_at")
    op.drop_column("cases", "assigned_at")
    op.drop_column("cases", "acknowledged_at")
    op.drop_column("cases", "first_contact_at")
    op.drop_column("cases", "answered_at")
