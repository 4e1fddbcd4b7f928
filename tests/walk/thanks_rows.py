"""What a street was told afterwards: thanks, thanks that were struck, and an answer of somebody unhappy."""

from typing import Any

import sqlalchemy as sa

from backend import storage
from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.thanks_models import Thanks, ThanksKind
from backend.times import local, now
from tests.cases.pictures import jpeg


def add_voices(street: Any) -> None:
    answered = {"state": SurveyState.ANSWERED, "solved": False, "sent_at": now(), "answered_at": now()}
    answered["reasons"] = [street.marks.text("surveys.reasons")]
    known = {"case_id": _case_id(street), "round": 9, "resident_id": street.residents[0].id}
    known["unit_id"] = street.session.get_one(Case, known["case_id"]).unit_id
    street.add(Survey(words=street.marks.text("surveys.words"), **known | answered))


def add_thanks(street: Any) -> None:
    marks, people, case_id = street.marks, street.people, _case_id(street)
    letter = storage.save(jpeg(comment=marks.text("thanks.photo").encode()))
    struck = {"struck_by": people["supervisor"].id, "struck_at": now()}
    struck |= {"struck_why": marks.text("thanks.struck_why")}
    for fields in ({"sha256": letter, "mime": "image/jpeg"}, struck):
        said = {"words": marks.text("thanks.words"), "officer_id": people["handler"].id}
        row = Thanks(case_id=case_id, kind=ThanksKind.LETTER, day=local(now()).date(), **said | fields)
        street.book["thanks_id"].append(street.add(row).id)


def _case_id(street: Any) -> int:
    """The closed case."""
    return street.session.scalars(sa.select(Case.id).where(Case.number == street.book["number"][3])).one()
