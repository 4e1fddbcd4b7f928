"""The table of WeCom: each tap on a card's button, with what was answered on the card."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, created_at


class WeComTap(Base):
    """One tap on a card. Its response code is WeCom's name for it, and good for one update of the card."""

    __tablename__ = "wecom_taps"

    account: Mapped[str]
    userid: Mapped[str]
    key: Mapped[str]  # what was on the button: step:number
    response_code: Mapped[str] = mapped_column(unique=True)
    answer: Mapped[str | None]  # what the card says now
    updated_at: Mapped[datetime | None]  # when WeCom took the update
    created_at: Mapped[created_at]
