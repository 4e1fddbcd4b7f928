"""Which messages about a case are no news any more, where they had to wait or are to be told by telephone.

What asks officers to act on a case is over once the case is resolved, or has ended otherwise; what asks a
resident to answer a survey, once it is answered or over (notify/fading.py asks). What a resident is told in a
call is true while the case stands as it says (notify/telephone_rules.py asks).
"""

import sqlalchemy as sa

from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import UNSOLVED, Status
from backend.notify import fading, telephone_rules
from backend.notify.messages import Message
from backend.notify.models import Notification

TO_ACT = (
    Message.CASE_SUBMITTED,
    Message.CASE_ASSIGNED,
    Message.CASE_SENT_BACK,
    Message.CASE_RETURNED,
    Message.CASE_URGED,
    Message.CASE_SOON_DUE,
    Message.CASE_OVERDUE,
    Message.CASE_DELEGATED,
)
TO_ANSWER = (Message.SURVEY_INVITED, Message.SURVEY_REMINDED)

_fields = Notification.fields
_of_case = Case.number == _fields["number"].astext
_going_on = (*UNSOLVED, Status.MERGED)  # what is urged of a merged case goes to those who have its master
_is_done = sa.exists().where(_of_case, Case.status.not_in(_going_on))
_is_answered = sa.exists().where(
    Survey.id == sa.cast(_fields["survey"].astext, sa.BigInteger),
    Survey.state.not_in((SurveyState.DUE, SurveyState.SENT)),
)
fading.register(TO_ACT, _is_done)
fading.register(TO_ANSWER, _is_answered)

telephone_rules.register([Message.CASE_RESOLVED], sa.exists().where(_of_case, Case.status == Status.RESOLVED))
telephone_rules.register([Message.CASE_REOPENED], sa.exists().where(_of_case, Case.status.in_(UNSOLVED)))
