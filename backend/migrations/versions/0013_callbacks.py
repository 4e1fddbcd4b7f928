"""Telephone callbacks: who is to be called about a round of a case, every try, and how many of the silent."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WAITING = sa.text("state = 'waiting'")
LEVELS = ("community", "subdistrict", "district")


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, length=32)


WHY = _words("why", "no_wechat", "ordered", "sampled")
STATE = _words(
    "callbackstate",
    "waiting",
    "answered",
    "refused",
    "wrong_number",
    "unreached",
    "uncalled",
    "replied",
    "reopened",
)
HEARD = _words("heard", "answered", "no_answer", "busy", "later", "refused", "wrong_number")


def _id(name: str, *, needed: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=not needed)


def _moment(name: str, *, needed: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=not needed)


def _created() -> sa.Column[object]:
    return sa.Column(
        "created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.add_column(
        "orders", sa.Column("wants_callback", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "phone_callbacks",
        _id("id"),
        _id("case_id"),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        _id("survey_id"),
        _id("resident_id"),
        sa.Column("why", WHY, nullable=False),
        sa.Column("seed", sa.Text(), nullable=True),
        sa.Column("percent", sa.SmallInteger(), nullable=True),
        _id("place_id"),
        *(_id(f"{level}_id", needed=False) for level in (*reversed(LEVELS), "zone", "grid")),
        sa.Column("state", STATE, server_default="waiting", nullable=False),
        _moment("next_at", needed=True),
        _moment("until_at", needed=True),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        _id("officer_id", needed=False),
        _moment("taken_at"),
        _moment("ended_at"),
        _created(),
        _to("phone_callbacks", "survey_id", "surveys"),
        _to("phone_callbacks", "place_id", "areas"),
        _to("phone_callbacks", "officer_id", "officers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_callbacks")),
        sa.UniqueConstraint("case_id", "round", name=op.f("uq_phone_callbacks_case_id_round")),
    )
    _index_callbacks()
    op.create_table(
        "call_attempts",
        _id("id"),
        _id("callback_id"),
        _id("officer_id"),
        _moment("unmasked_at", needed=True),
        sa.Column("heard", HEARD, nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        _moment("ended_at"),
        _to("call_attempts", "callback_id", "phone_callbacks"),
        _to("call_attempts", "officer_id", "officers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_attempts")),
    )
    op.create_index(op.f("ix_call_attempts_callback_id"), "call_attempts", ["callback_id"])
    op.create_table(
        "callback_shares",
        _id("id"),
        _id("area_id"),
        sa.Column("percent", sa.SmallInteger(), nullable=True),
        _id("officer_id", needed=False),
        _created(),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_callback_shares_per_cent")),
        _to("callback_shares", "area_id", "areas"),
        _to("callback_shares", "officer_id", "officers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_shares")),
    )
    op.create_index("ix_callback_shares_area", "callback_shares", ["area_id", "id"])


def _index_callbacks() -> None:
    indexes = {"survey": ["survey_id"], "place": ["place_id"]}
    indexes |= {level: [f"{level}_id", "id"] for level in LEVELS}
    for name, columns in indexes.items():
        op.create_index(f"ix_phone_callbacks_{name}", "phone_callbacks", columns)
    partial = {f"{level}_due": ([f"{level}_id", "next_at", "id"], WAITING) for level in LEVELS}
    partial["until"] = (["until_at"], WAITING)
    partial["ended"] = (["ended_at"], sa.text("ended_at IS NOT NULL"))
    partial["refused"] = (["resident_id"], sa.text("state = 'refused'"))
    for name, (columns, where) in partial.items():
        op.create_index(f"ix_phone_callbacks_{name}", "phone_callbacks", columns, postgresql_where=where)


def downgrade() -> None:
    for table in ("callback_shares", "call_attempts", "phone_callbacks"):
        op.drop_table(table)
    op.drop_column("orders", "wants_callback")
