"""/api/v1: JSON for the mini program. Each view parses, calls one service, answers a shape of schemas.py."""

from collections.abc import Mapping

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue

from backend import auth, db
from backend.auth import Who, public, require
from backend.cases import attachments, survey_answers
from backend.cases.models import Channel
from backend.cases.survey_models import Via
from backend.cases.workflow import Action
from backend.errors import Conflict, Invalid, LoginNeeded, NotFound
from backend.notify import grants
from backend.notify.messages import Message
from backend.places import queries as places
from backend.resident import forms, joining, openapi, rating, reporting, schemas, shown, steps
from backend.resident.contract import contract
from backend.web import people
from backend.wechat import accounts, client, consents, contacts
from backend.wechat.accounts import MINI, Account, Template
from backend.wechat.client import Identity
from backend.wechat.codes import Fate, ProviderError

bp = Blueprint("api", __name__, url_prefix="/api/v1")
ACTIONS = "<any(add, urge, withdraw, confirm, reopen):action>"


@bp.before_request
def need_bearer() -> None:
    """A cookie opens pages, never the API: so no other site can make a browser call it."""
    view = current_app.view_functions[request.endpoint or ""]
    is_open = getattr(view, "access", None) is None
    if not is_open and not request.headers.get("Authorization", "").startswith("Bearer "):
        raise LoginNeeded("请先登录")


@bp.post("/login")
@public
@contract("用 wx.login 的 code 登录", takes=schemas.Login, gives=schemas.Session, errors=(401, 404, 503))
def login(body: schemas.Login) -> schemas.Session:
    account = _with_mini_program(body.account)
    identity = _identify(account, body.code)
    with db.transaction() as session:
        name = account.name + MINI
        contact_id = contacts.meet(session, name, identity.openid, identity.unionid)
        token, expires_at = auth.start_session(session, contact_id)
        return schemas.Session(token=token, expires_at=expires_at)


def _identify(account: Account, code: str) -> Identity:
    try:
        return client.code_to_session(account, code)
    except ProviderError as error:
        if error.fate is Fate.PERMANENT:
            raise LoginNeeded("微信没有认出这次登录，请退出小程序再进一次") from None
        raise


def _with_mini_program(name: str) -> Account:
    """The account of this name, or the first that has a mini program."""
    candidates = [accounts.get(name)] if name else list(accounts.all_accounts().values())
    found = [account for account in candidates if account.mini_program is not None]
    if not found:
        raise NotFound("这里没有开通小程序")
    return found[0]


@bp.get("/place")
@public
@contract("扫到的地点码是哪里", gives=schemas.Place, query=("scene",), needs=("scene",), errors=(404,))
def place() -> schemas.Place:
    with db.transaction() as session:
        area = reporting.place_of(session, request.args.get("scene", ""))
        reporting.count_scan(session, request.args["scene"])
        path = places.path_names(session, area)
        return schemas.Place(scene=request.args["scene"], name=area.name, path=path)


@bp.get("/places")
@require(Who.RESIDENT)
@contract("没有扫码时可以选的社区和站点", gives=schemas.Places)
def list_places() -> schemas.Places:
    with db.transaction() as session:
        return schemas.Places(places=reporting.choices(session, g.contact_id))


@bp.get("/matters")
@require(Who.RESIDENT)
@contract(
    "这个地点的社区里，别的居民反映过、正在办的事（至多 5 件，不含本人的）",
    gives=schemas.Matters,
    query=("scene",),
    needs=("scene",),
    errors=(404,),
)
def list_matters() -> schemas.Matters:
    with db.transaction() as session:
        area = reporting.place_of(session, request.args.get("scene", ""))
        found = joining.matters(session, area, g.resident_id)
        return schemas.Matters(matters=[schemas.Matter(same=one.token, words=one.words) for one in found])


@bp.get("/templates")
@require(Who.RESIDENT)
@contract("可以请居民订阅的消息模板", gives=schemas.Templates)
def templates() -> schemas.Templates:
    with db.transaction() as session:
        account = reporting.account_of(session, g.contact_id)
        held = grants.lasting(session, g.contact_id)
    return schemas.Templates(template_ids=grants.wanted(_template_ids(account), _lasting(account), held))


def _template_ids(account: Account) -> dict[str, str]:
    return {message: template.id for message, template in _templates(account).items()}


def _lasting(account: Account) -> set[str]:
    return {template.id for template in _templates(account).values() if template.lasting}


def _templates(account: Account) -> Mapping[Message, Template]:
    return account.mini_program.templates if account.mini_program else {}


@bp.post("/subscriptions")
@require(Who.RESIDENT)
@contract("记下居民同意接收的一次性消息", takes=schemas.Subscriptions, status=204)
def subscriptions(body: schemas.Subscriptions) -> None:
    with db.transaction() as session:
        account = reporting.account_of(session, g.contact_id)
        known = {template.id: template for template in _templates(account).values()}
        for template in known.values():
            if grants.is_yes(body.accepted.get(template.id, "")):
                consents.allow_by_page(session, g.contact_id, template)


@bp.post("/cases")
@require(Who.RESIDENT)
@contract(
    "反映一件事，或附议别人反映过的（same）；同一个 key 再次提交，回答同一件（200）",
    takes=schemas.NewCase,
    gives=schemas.Case,
    status=201,
    errors=(404, 410),
)
def open_case(body: schemas.NewCase) -> tuple[schemas.Case, int]:
    if (body.latitude is None) != (body.longitude is None):
        raise Invalid("纬度和经度要一起给")
    same = joining.matter_of(body.same)
    told = reporting.Told(body.report, body.key, body.scene, body.phone, body.address, _position(body), same)
    with db.transaction() as session:
        case, is_new = reporting.open_case(session, told, g.contact_id, g.resident_id, Channel.MINI_PROGRAM)
        return shown.show_case(session, case), 201 if is_new else 200


def _position(body: schemas.NewCase) -> tuple[float, float] | None:
    return (
        (body.latitude, body.longitude) if body.latitude is not None and body.longitude is not None else None
    )


@bp.get("/cases")
@require(Who.RESIDENT)
@contract("我反映的事，新的在前，每页 20 件", gives=schemas.Cases, query=("before",), errors=(422,))
def list_cases() -> schemas.Cases:
    with db.transaction() as session:
        page, following = shown.page_of_cases(session, g.resident_id, request.args.get("before", ""))
        return schemas.Cases(cases=shown.show_cases(session, [case.id for case in page]), next=following)


@bp.get("/cases/<number>")
@require(Who.RESIDENT)
@contract("一件事的进展", gives=schemas.Case, errors=(404,))
def show_case(number: str) -> schemas.Case:
    with db.transaction() as session:
        return shown.show_case(session, steps.find(session, number, people.resident()))


@bp.post(f"/cases/<number>/{ACTIONS}")
@require(Who.RESIDENT)
@contract(
    "补充、催办、撤回、确认解决、没有解决", takes=schemas.Note, gives=schemas.Case, errors=(404, 409, 429)
)
def act(number: str, action: str, body: schemas.Note) -> schemas.Case:
    with db.transaction() as session:
        case = steps.take(session, number, Action(action), people.resident(), body.note)
        return shown.show_case(session, case)


@bp.post("/cases/<number>/photos")
@require(Who.RESIDENT)
@contract(
    "补充一张照片（10 MB 以内）",
    gives=schemas.Photo,
    status=201,
    photo=True,
    errors=(404, 409, 413, 415, 422),
)
def add_photo(number: str) -> schemas.Photo:
    with db.transaction() as session:
        steps.find(session, number, people.resident())
    photo = attachments.prepare(forms.photo_in_form())
    with db.transaction() as session:
        return shown.show_photo(steps.add_photo(session, number, people.resident(), photo))


@bp.get("/cases/<number>/survey")
@require(Who.RESIDENT)
@contract("这件事的回访", gives=schemas.Survey, errors=(404,))
def show_survey(number: str) -> schemas.Survey:
    with db.transaction() as session:
        survey = rating.latest(session, steps.find(session, number, people.resident()))
        return shown.show_survey(session, survey)


@bp.post("/cases/<number>/survey")
@require(Who.RESIDENT)
@contract(
    "回答回访，一天以内可以改；答过一天或已结束是 410，说的话仍然记下",
    takes=schemas.Rating,
    gives=schemas.Survey,
    errors=(404, 410, 429),
)
def answer_survey(number: str, body: schemas.Rating) -> schemas.Survey:
    due = _survey_of(number)
    rating.answer(due, body, Via.MINI_PROGRAM, g.resident_id)
    with db.transaction() as session:
        answered = rating.latest(session, steps.find(session, number, people.resident()))
        return shown.show_survey(session, answered)


def _survey_of(number: str) -> int:
    with db.transaction() as session:
        return rating.latest(session, steps.find(session, number, people.resident())).id


@bp.post("/cases/<number>/survey/photos")
@require(Who.RESIDENT)
@contract(
    "给回访的回答加一张照片（10 MB 以内）",
    status=204,
    photo=True,
    errors=(404, 409, 410, 413, 415, 422, 429),
)
def add_survey_photo(number: str) -> None:
    survey_id = _survey_of(number)
    photo = attachments.prepare(forms.photo_in_form())
    with db.transaction() as session:
        _, refused = survey_answers.add_photos(session, survey_id, [photo])
    if refused:
        raise Conflict(refused[0])


@bp.get("/openapi.json")
@public
def describe() -> ResponseReturnValue:
    """This API, described."""
    return openapi.document(current_app, bp.name)
