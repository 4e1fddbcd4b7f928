"""The city as it is: outlines, rosters, the record of changes, the dictionary and duties, desktop logins."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.db import Ring

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _cases()
    _record()
    _places()
    _units()
    _officers()
    _dictionary()
    _codes()
    _logins()


def _cases() -> None:
    """Only columns, and first: who has read a case goes on to read its place, which must not be held yet.

    What takes long on a table of millions is done by a later migration.
    """
    op.add_column("cases", sa.Column("zone_id", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("code_id", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("category_id", sa.BigInteger(), nullable=True))


def _record() -> None:
    """Imports, and who changed what when."""
    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_imports_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "before", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "after", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_changes_area_id")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_changes_import_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_changes_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_area_id"), "changes", ["area_id"], unique=False)
    op.create_index("ix_changes_row", "changes", ["subject", "subject_id", "id"], unique=False)


def _places() -> None:
    """Codes, outlines, the zone above, closing with a successor."""
    op.create_table(
        "outlines",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("ring", Ring(), nullable=False),
        sa.Column("is_hole", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_outlines_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outlines")),
    )
    op.create_index(op.f("ix_outlines_area_id"), "outlines", ["area_id"], unique=False)
    op.create_index("ix_outlines_ring", "outlines", ["ring"], unique=False, postgresql_using="gist")
    op.add_column("areas", sa.Column("code", sa.Text(), nullable=True))
    op.add_column("areas", sa.Column("zone_id", sa.BigInteger(), nullable=True))
    op.add_column("areas", sa.Column("datum", sa.String(32), server_default="wgs84", nullable=False))
    op.add_column("areas", sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("areas", sa.Column("successor_id", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("uq_areas_parent_id_name"), "areas", type_="unique")
    op.create_index(
        "ix_areas_code", "areas", ["code"], unique=True, postgresql_where=sa.text("code IS NOT NULL")
    )
    op.create_index("ix_areas_community", "areas", ["community_id"], unique=False)
    op.create_index(
        "ix_areas_grid", "areas", ["grid_id"], unique=False, postgresql_where=sa.text("grid_id IS NOT NULL")
    )
    op.create_index("ix_areas_latitude", "areas", ["latitude", "longitude"], unique=False)
    op.create_index(op.f("ix_areas_parent_id"), "areas", ["parent_id"], unique=False)
    op.create_index(
        "ix_areas_sibling",
        "areas",
        ["parent_id", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_areas_subdistrict", "areas", ["subdistrict_id"], unique=False)
    op.create_index(
        "ix_areas_zone", "areas", ["zone_id"], unique=False, postgresql_where=sa.text("zone_id IS NOT NULL")
    )
    op.create_foreign_key(op.f("fk_areas_zone_id"), "areas", "areas", ["zone_id"], ["id"])
    op.create_foreign_key(op.f("fk_areas_successor_id"), "areas", "areas", ["successor_id"], ["id"])
    op.execute("UPDATE areas a SET zone_id = z.id FROM areas z WHERE z.level = 'zone' AND a.path <@ z.path")


def _units() -> None:
    """Codes, other names, closing with a successor."""
    op.add_column("units", sa.Column("code", sa.Text(), nullable=True))
    op.add_column(
        "units", sa.Column("aliases", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("units", sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("units", sa.Column("successor_id", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("uq_units_area_id_name"), "units", type_="unique")
    op.create_index(
        "ix_units_code", "units", ["code"], unique=True, postgresql_where=sa.text("code IS NOT NULL")
    )
    op.create_index(
        "ix_units_name",
        "units",
        ["area_id", "name"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_foreign_key(op.f("fk_units_successor_id"), "units", "units", ["successor_id"], ["id"])


def _officers() -> None:
    """Found by name and number; posts from and to, stand-ins, the roster."""
    op.add_column("officers", sa.Column("code", sa.Text(), nullable=True))
    op.add_column("officers", sa.Column("name_index", sa.LargeBinary(), nullable=True))
    op.add_column("officers", sa.Column("phone_index", sa.LargeBinary(), nullable=True))
    op.add_column("officers", sa.Column("second_factor", sa.LargeBinary(), nullable=True))
    op.add_column("officers", sa.Column("second_factor_step", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_officers_code", "officers", ["code"], unique=True, postgresql_where=sa.text("code IS NOT NULL")
    )
    op.create_index(op.f("ix_officers_name_index"), "officers", ["name_index"], unique=False)
    op.create_index(op.f("ix_officers_phone_index"), "officers", ["phone_index"], unique=False)
    op.add_column(
        "posts",
        sa.Column("since", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("posts", sa.Column("away_since", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("posts", sa.Column("away_until", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("posts", sa.Column("for_id", sa.BigInteger(), nullable=True))
    op.alter_column(
        "posts", "force_kind", existing_type=sa.TEXT(), type_=sa.String(32), existing_nullable=True
    )
    op.drop_index("ix_posts_area", table_name="posts")
    op.drop_index("ix_posts_unit", table_name="posts")
    op.create_index("ix_posts_area", "posts", ["area_id", "role"])
    op.create_index("ix_posts_unit", "posts", ["unit_id", "role"])
    op.execute("UPDATE posts SET since = until - interval '1 microsecond' WHERE until <= since")
    op.create_check_constraint(op.f("ck_posts_ends_after_start"), "posts", "until > since")
    op.create_check_constraint(
        op.f("ck_posts_away_from_to"), "posts", "(away_since IS NULL) = (away_until IS NULL)"
    )
    op.create_index(op.f("ix_posts_for_id"), "posts", ["for_id"], unique=False)
    op.create_foreign_key(op.f("fk_posts_for_id"), "posts", "posts", ["for_id"], ["id"])
    op.create_table(
        "shifts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("until > since", name=op.f("ck_shifts_ends_after_start")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_shifts_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
        sa.UniqueConstraint("post_id", "since", name=op.f("uq_shifts_post_id_since")),
    )
    op.create_index("ix_shifts_until", "shifts", ["until", "since"], unique=False)


def _dictionary() -> None:
    """Categories in editions, and the lists of who answers for them."""
    op.create_table(
        "editions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_editions_import_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_editions_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editions")),
    )
    op.create_table(
        "categories",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text(), nullable=False),
        sa.Column("synonyms", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("keywords", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("resolve_hours", sa.SmallInteger(), nullable=True),
        sa.Column("in_working_days", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("since_id", sa.BigInteger(), nullable=False),
        sa.Column("until_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("level BETWEEN 1 AND 4", name=op.f("ck_categories_four_levels")),
        sa.ForeignKeyConstraint(["parent_id"], ["categories.id"], name=op.f("fk_categories_parent_id")),
        sa.ForeignKeyConstraint(["since_id"], ["editions.id"], name=op.f("fk_categories_since_id")),
        sa.ForeignKeyConstraint(["until_id"], ["editions.id"], name=op.f("fk_categories_until_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
    )
    op.create_index(
        "ix_categories_code",
        "categories",
        ["code"],
        unique=True,
        postgresql_where=sa.text("until_id IS NULL"),
    )
    op.create_index("ix_categories_parent", "categories", ["parent_id"], unique=False)
    op.create_table(
        "duty_lists",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), server_default="draft", nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("switched_on_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_duty_lists_area_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_duty_lists_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_lists")),
    )
    op.create_index(
        "ix_duty_lists_current",
        "duty_lists",
        ["area_id"],
        unique=True,
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "duties",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=True),
        sa.Column("area_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(32), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("assisting", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_duties_area_id")),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_duties_category_id")),
        sa.ForeignKeyConstraint(["list_id"], ["duty_lists.id"], name=op.f("fk_duties_list_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_duties_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duties")),
    )
    op.create_index("ix_duties_category", "duties", ["category_id"], unique=False)
    op.create_index("ix_duties_list", "duties", ["list_id", "category_id", "area_id"], unique=False)
    op.create_index("ix_duties_unit", "duties", ["unit_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_cases_category_id"),
        "cases",
        "categories",
        ["category_id"],
        ["id"],
        postgresql_not_valid=True,
    )


def _codes() -> None:
    """What a code says beside its place, and how often it is scanned."""
    op.add_column("place_codes", sa.Column("unit_id", sa.BigInteger(), nullable=True))
    op.add_column("place_codes", sa.Column("category_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "place_codes", sa.Column("carrier", sa.String(32), server_default="account", nullable=False)
    )
    op.add_column("place_codes", sa.Column("label", sa.Text(), nullable=True))
    op.add_column("place_codes", sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_place_codes_category_id"), "place_codes", "categories", ["category_id"], ["id"]
    )
    op.create_foreign_key(op.f("fk_place_codes_unit_id"), "place_codes", "units", ["unit_id"], ["id"])
    op.create_table(
        "code_scans",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("scans", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("far", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["code_id"], ["place_codes.id"], name=op.f("fk_code_scans_code_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_scans")),
        sa.UniqueConstraint("code_id", "day", name=op.f("uq_code_scans_code_id_day")),
    )


def _logins() -> None:
    """The desk's QR code, sessions by device, the second factor."""
    op.create_table(
        "login_tickets",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("refused_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_login_tickets_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_tickets")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_tickets_token_hash")),
    )
    op.add_column("login_sessions", sa.Column("device", sa.Text(), nullable=True))
    op.add_column("login_sessions", sa.Column("seen_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("login_sessions", sa.Column("second_factor_at", sa.TIMESTAMP(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_constraint(op.f("fk_units_successor_id"), "units", type_="foreignkey")
    op.drop_index("ix_units_name", table_name="units", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index("ix_units_code", table_name="units", postgresql_where=sa.text("code IS NOT NULL"))
    op.create_unique_constraint(
        op.f("uq_units_area_id_name"), "units", ["area_id", "name"], postgresql_nulls_not_distinct=False
    )
    op.drop_column("units", "successor_id")
    op.drop_column("units", "closed_at")
    op.drop_column("units", "aliases")
    op.drop_column("units", "code")
    op.drop_constraint(op.f("fk_posts_for_id"), "posts", type_="foreignkey")
    op.drop_index(op.f("ix_posts_for_id"), table_name="posts")
    op.alter_column(
        "posts", "force_kind", existing_type=sa.String(32), type_=sa.TEXT(), existing_nullable=True
    )
    op.drop_index("ix_posts_area", table_name="posts")
    op.drop_index("ix_posts_unit", table_name="posts")
    for column in ("area_id", "unit_id"):
        name = "ix_posts_" + column.removesuffix("_id")
        op.create_index(name, "posts", [column, "role"], postgresql_where=sa.text("until IS NULL"))
    op.drop_constraint(op.f("ck_posts_ends_after_start"), "posts")
    op.drop_constraint(op.f("ck_posts_away_from_to"), "posts")
    op.drop_column("posts", "for_id")
    op.drop_column("posts", "away_until")
    op.drop_column("posts", "away_since")
    op.drop_column("posts", "since")
    op.drop_constraint(op.f("fk_place_codes_unit_id"), "place_codes", type_="foreignkey")
    op.drop_constraint(op.f("fk_place_codes_category_id"), "place_codes", type_="foreignkey")
    op.drop_column("place_codes", "expires_at")
    op.drop_column("place_codes", "label")
    op.drop_column("place_codes", "carrier")
    op.drop_column("place_codes", "category_id")
    op.drop_column("place_codes", "unit_id")
    op.drop_index(op.f("ix_officers_phone_index"), table_name="officers")
    op.drop_index(op.f("ix_officers_name_index"), table_name="officers")
    op.drop_index("ix_officers_code", table_name="officers", postgresql_where=sa.text("code IS NOT NULL"))
    op.drop_column("officers", "second_factor_step")
    op.drop_column("officers", "second_factor")
    op.drop_column("officers", "phone_index")
    op.drop_column("officers", "name_index")
    op.drop_column("officers", "code")
    op.drop_column("login_sessions", "second_factor_at")
    op.drop_column("login_sessions", "seen_at")
    op.drop_column("login_sessions", "device")
    op.drop_constraint(op.f("fk_cases_category_id"), "cases", type_="foreignkey")
    op.drop_column("cases", "category_id")
    op.drop_column("cases", "code_id")
    op.drop_column("cases", "zone_id")
    op.drop_constraint(op.f("fk_areas_successor_id"), "areas", type_="foreignkey")
    op.drop_constraint(op.f("fk_areas_zone_id"), "areas", type_="foreignkey")
    op.drop_index("ix_areas_zone", table_name="areas", postgresql_where=sa.text("zone_id IS NOT NULL"))
    op.drop_index("ix_areas_subdistrict", table_name="areas")
    op.drop_index(
        "ix_areas_sibling",
        table_name="areas",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(op.f("ix_areas_parent_id"), table_name="areas")
    op.drop_index("ix_areas_latitude", table_name="areas")
    op.drop_index("ix_areas_grid", table_name="areas", postgresql_where=sa.text("grid_id IS NOT NULL"))
    op.drop_index("ix_areas_community", table_name="areas")
    op.drop_index("ix_areas_code", table_name="areas", postgresql_where=sa.text("code IS NOT NULL"))
    op.create_unique_constraint(
        op.f("uq_areas_parent_id_name"), "areas", ["parent_id", "name"], postgresql_nulls_not_distinct=False
    )
    op.drop_column("areas", "successor_id")
    op.drop_column("areas", "closed_at")
    op.drop_column("areas", "datum")
    op.drop_column("areas", "zone_id")
    op.drop_column("areas", "code")
    op.drop_table("code_scans")
    op.drop_index("ix_duties_unit", table_name="duties")
    op.drop_index("ix_duties_list", table_name="duties")
    op.drop_index("ix_duties_category", table_name="duties")
    op.drop_table("duties")
    op.drop_index("ix_shifts_until", table_name="shifts")
    op.drop_table("shifts")
    op.drop_index("ix_categories_parent", table_name="categories")
    op.drop_index("ix_categories_code", table_name="categories", postgresql_where=sa.text("until_id IS NULL"))
    op.drop_table("categories")
    op.drop_table("login_tickets")
    op.drop_table("editions")
    op.drop_index("ix_changes_row", table_name="changes")
    op.drop_index(op.f("ix_changes_area_id"), table_name="changes")
    op.drop_table("changes")
    op.drop_index("ix_outlines_ring", table_name="outlines", postgresql_using="gist")
    op.drop_index(op.f("ix_outlines_area_id"), table_name="outlines")
    op.drop_table("outlines")
    op.drop_table("imports")
    op.drop_index(
        "ix_duty_lists_current", table_name="duty_lists", postgresql_where=sa.text("state = 'current'")
    )
    op.drop_table("duty_lists")
