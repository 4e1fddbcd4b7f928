"""Every table there is: for programs that begin with one package, and for what compares them all."""

from backend import auth
from backend.cases import (
    callback_models,
    category_models,
    deadline_models,
    ledger_models,
    meeting_models,
    standing_models,
    supervision_models,
    survey_models,
    thanks_models,
)
from backend.cases import models as cases
from backend.notify import models as notify
from backend.notify import sms_models, telephone_models
from backend.orders import models as orders
from backend.places import models as places
from backend.places import poster_jobs
from backend.wechat import models as wechat
from backend.wechat import wecom_models

TABLES = (
    auth,
    callback_models,
    cases,
    category_models,
    deadline_models,
    ledger_models,
    meeting_models,
    notify,
    orders,
    places,
    poster_jobs,
    sms_models,
    standing_models,
    supervision_models,
    survey_models,
    thanks_models,
    telephone_models,
    wechat,
    wecom_models,
)
