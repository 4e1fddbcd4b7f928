"""How a street's surveys are asked, and an answer that its supervisor has to look at."""

from typing import Any

from backend.cases.survey_models import Survey, SurveyPolicy, SurveyReview
from backend.times import now


def add_surveys(street: Any) -> None:
    for fields in ({"urgent": True}, {"reasons": [street.marks.text("survey_policies.reasons")]}):
        row = SurveyPolicy(area_id=street.area.id, days_open=9, **fields)
        street.book["survey_policy_id"].append(street.add(row).id)
    survey = street.session.get_one(Survey, street.book["survey_id"][1])
    words = street.marks.text("survey_reviews.complaint")
    review = SurveyReview(survey_id=survey.id, case_id=survey.case_id, complaint=words, due_at=now())
    street.book["review_id"].append(street.add(review).id)
