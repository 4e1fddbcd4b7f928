"""Brings the demonstration to the sandbox: its apps, codes and menus, its people, and the officers' binding.

It can be run again at any time, also after the sandbox or the database was emptied: it does what is missing.
"""

from collections.abc import Mapping
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from backend import db
from backend.config import WECHAT, config
from backend.demo import control, district
from backend.demo.accounts import FORMS, TEXTS, Form
from backend.notify import binding, sms_settings
from backend.notify.messages import Message
from backend.notify.models import Contact
from backend.places.models import Area, Officer, PlaceCode
from backend.places.roles import ROLE_LABELS, Role
from backend.wechat import accounts, menu, qrcodes, tokens, upkeep, wecom_binding
from backend.wechat.accounts import MINI, Account, MiniProgram, Template, WeCom

FORM_OF = {message: form for form in FORMS for message in form.messages}
SHARED = Form("工单变动提醒", (), ())
ONCE = 2  # what WeChat calls the type of a template that is allowed for one message at a time


def introduce() -> None:
    """Prepare the sandbox; web and sandbox must be answering. Nothing is done to the real WeChat.

    Raises control.Refused, or ProviderError, when one of the two does not do its part.
    """
    if config.wechat_api_base == WECHAT:
        return
    engine = db.connect(config.database_url)
    try:
        complete()
    finally:
        engine.dispose()


def complete() -> None:
    """Do what is missing, over a connected database."""
    register()
    _look_anew()
    for account in accounts.all_accounts().values():
        menu.publish(account)
    _give_places_codes()
    _introduce_people()


def register() -> None:
    """Tell the sandbox of the accounts, as the platform knows of real ones."""
    for account in accounts.all_accounts().values():
        _register(account)
    _open_sms()


def _look_anew() -> None:
    """The clock's first look was before the sandbox knew of the accounts. A worker that was refused a token
    then asks for none for a while, but finds the one that is fetched here."""
    for account in accounts.all_accounts().values():
        tokens.get(account)
        if account.mini_program is not None:
            tokens.get(account.mini_program)
    upkeep.read_templates.send()
    upkeep.read_quotas.send()


def _register(account: Account) -> None:
    """Tell the sandbox of the account, and of its mini program: one Open Platform account holds both."""
    common = {"open_platform": account.name}
    official = {
        "kind": "service_account",
        "app_id": account.app_id,
        "app_secret": account.app_secret,
        "name": f"{account.area}诉求服务",
        "original_id": account.original_id,
        "token": account.token,
        "aes_key": account.aes_key,
        "mode": account.mode,
        "callback_url": f"{config.public_url}/wechat/{account.name}",
        "templates": [*_templates(account.templates), *_templates(account.notices, {"type": ONCE})],
    }
    control.call("POST", "/apps", common | official)
    if account.wecom is not None:
        control.call("POST", "/apps", _work(account, account.wecom))
    if account.mini_program is not None:
        control.call("POST", "/apps", common | _program(account, account.mini_program))


def _program(account: Account, mini: MiniProgram) -> control.Json:
    """The mini program. An accounts file of an earlier start has no token for it, and so no address."""
    name = account.name + MINI
    address = f"{config.public_url}/mini/{account.name}" if accounts.hears(name) else ""
    return {
        "kind": "mini_program",
        "app_id": mini.app_id,
        "app_secret": mini.app_secret,
        "name": f"{account.area}诉求小程序",
        "original_id": mini.original_id or f"gh_{mini.app_id[-12:]}",
        "token": mini.token,
        "aes_key": mini.aes_key,
        "callback_url": address,
        "templates": _templates(mini.templates),
    }


def _work(account: Account, app: WeCom) -> control.Json:
    """The application in WeCom, as its corporation would have set it up."""
    return {
        "kind": "work_app",
        "app_id": app.corp_id,
        "agent_id": int(app.agent_id),
        "app_secret": app.secret,
        "name": f"{account.area}企业微信",
        "original_id": app.corp_id,
        "token": app.token,
        "aes_key": app.aes_key,
        "callback_url": f"{config.public_url}/wecom/{account.name}",
    }


def _open_sms() -> None:
    """Tell the sandbox of our application for text messages, with its approved texts."""
    known = sms_settings.settings()
    if known is None:
        return
    there = f"{config.public_url}/sms/{known.callback_token}"
    names = ("sdk_app_id", "sign", "secret_id", "secret_key")
    application = {name: getattr(known, name) for name in names}
    texts = {"templates": {text.id: text.words for text in TEXTS.values()}}
    addresses = {"report_url": f"{there}/report", "reply_url": f"{there}/reply"}
    control.call("PUT", "/sms", application | texts | addresses)


def _templates(
    templates: Mapping[Message, Template], more: Mapping[str, int] = MappingProxyType({})
) -> list[control.Json]:
    """Each template once, as WeChat's library would describe it."""
    forms: dict[str, set[Form]] = {}
    for message, template in templates.items():
        forms.setdefault(template.id, set()).add(FORM_OF[message])
    by_id = {template.id: template for template in templates.values()}
    return [_template(by_id[template_id], found) | dict(more) for template_id, found in forms.items()]


def _template(template: Template, forms: set[Form]) -> control.Json:
    """In an older accounts' file kinds of several forms share a template, which then gets a plain title."""
    form = next(iter(forms)) if len(forms) == 1 else SHARED
    keywords = {slot: form.label(field) for field, slot in template.slots.items()}
    return {"template_id": template.id, "title": form.title, "keywords": keywords}


def _give_places_codes() -> None:
    """A picture for each place, under a name that one recognises in the sandbox's list."""
    _forget_lost_codes(set(control.codes()))
    qrcodes.ensure_all_tickets()
    known = control.codes()
    for ticket, name in _named_tickets():
        if known.get(ticket) != name:
            control.label(ticket, name)


def _forget_lost_codes(known: set[str]) -> None:
    """An emptied sandbox no longer knows the codes that the database remembers."""
    with db.transaction() as session:
        session.execute(
            sa.update(PlaceCode)
            .where(PlaceCode.ticket.is_not(None), PlaceCode.ticket.not_in(known))
            .values(ticket=None, url=None, account=None)
        )


def _named_tickets() -> list[tuple[str, str]]:
    """(ticket, 玉兰苑东门（玉兰社区）) of every place with a picture."""
    above = aliased(Area)
    with db.transaction() as session:
        rows = session.execute(
            sa.select(PlaceCode.ticket, Area.name, above.name)
            .join(Area, Area.id == PlaceCode.area_id)
            .join(above, above.id == Area.parent_id, isouter=True)
            .where(PlaceCode.ticket.is_not(None), PlaceCode.revoked_at.is_(None))
            .order_by(PlaceCode.id)
        )
        return [
            (str(ticket), f"{name}（{parent}）" if parent else str(name)) for ticket, name, parent in rows
        ]


def _introduce_people() -> None:
    officers = _officers()
    for row in district.read("phones"):
        person = control.user(row["key"], row["name"], f"{ROLE_LABELS[Role(row['role'])]} · {row['at']}")
        for name in row["accounts"].split():
            account, officer_id = accounts.get(name), officers.get(row["name"])
            if officer_id is not None and not _is_bound(account, person, officer_id):
                _bind(account, person, officer_id)  # whoever scans an account's code follows it, too
            elif account.app_id not in person["follows"]:
                control.follow(person["user_id"], account.app_id)
        if row["wecom"] and row["name"] in officers:
            _join_wecom(accounts.get(row["wecom"]), person, officers[row["name"]])


def _join_wecom(account: Account, person: control.Json, officer_id: int) -> None:
    """Let the officer be a member of the corporation, and known as one, unless that is so already."""
    if account.wecom is None:  # a file of an earlier start
        return
    userid = person["openids"][account.wecom.corp_id]
    if account.wecom.corp_id not in person["follows"]:
        control.call("POST", f"/users/{person['user_id']}/join", {"app_id": account.wecom.corp_id})
    with db.transaction() as session:
        if wecom_binding.userids(session, officer_id).get(account.name) != userid:
            wecom_binding.bind(session, officer_id, account.name, userid)


def _officers() -> dict[str, int]:
    """Id by name. The names are sealed, so that all have to be read; in the invented district they differ."""
    with db.transaction() as session:
        return {officer.name: officer.id for officer in session.scalars(sa.select(Officer))}


def _bind(account: Account, person: control.Json, officer_id: int) -> None:
    """Let the officer's phone scan a personal code, the way a real officer binds."""
    with db.transaction() as session:
        code = binding.issue(session, officer_id)
    ticket, _ = qrcodes.personal_code(account, code)
    control.label(ticket, f"个人绑定码：{person['name']}")
    said = control.scan(person["user_id"], ticket)
    if not _is_bound(account, person, officer_id):
        raise control.Refused(f"{person['name']} could not be bound; the account said: {said or 'nothing'}")


def _is_bound(account: Account, person: control.Json, officer_id: int) -> bool:
    bound = sa.select(Contact.id).where(
        Contact.account == account.name,
        Contact.openid == person["openids"][account.app_id],
        Contact.officer_id == officer_id,
    )
    with db.transaction() as session:
        return session.scalar(bound) is not None
