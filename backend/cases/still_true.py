"""While which cases stand how what residents are told by telephone is true (telephone_rules.py asks)."""

from collections.abc import Sequence

import sqlalchemy as sa

from backend.cases.models import Case
from backend.cases.workflow import UNSOLVED, Status
from backend.notify import telephone_rules
from backend.notify.messages import Message
from backend.notify.models import Notification


def _stands(statuses: Sequence[Status]) -> sa.ColumnElement[bool]:
    is_own = Case.number == Notification.fields["number"].astext
    return sa.exists().where(is_own, Case.status.in_(statuses))


telephone_rules.register([Message.CASE_RESOLVED], _stands([Status.RESOLVED]))
telephone_rules.register([Message.CASE_REOPENED], _stands(UNSOLVED))
