"""What is looked after for each account: its templates and its quotas, by the clock or when somebody asks."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from backend import db
from backend.broker import actor
from backend.notify import refused_accounts, sms_codes
from backend.wechat import accounts, client, quotas, templates, tokens
from backend.wechat.accounts import MINI, WECOM, Account
from backend.wechat.codes import Fate, ProviderError
from backend.wechat.quotas import Standing
from backend.wechat.templates import Verdict

logger = logging.getLogger(__name__)

OF_PROGRAM = (quotas.MINI,)
OF_ACCOUNT = tuple(path for path in quotas.APIS if path not in OF_PROGRAM)


OF_APP = (Fate.TOKEN, Fate.ACCOUNT, Fate.TRANSIENT)  # what is refused like this is refused on every path
# What an account consists of, each refused by itself: how its name ends, what it is called, where it is
# repaired.
PARTS = (
    ("", "公众号", "公众号后台"),
    (MINI, "小程序", "小程序后台"),
    (WECOM, "企业微信", "企业微信的管理后台"),
)


@dataclass(frozen=True)
class Refused:
    """What a provider refuses as a whole, why, where that is repaired, and when it last did."""

    what: str
    why: str
    where: str
    at: str

    @property
    def sentence(self) -> str:
        return f"{self.what}被平台拒绝：{self.why}，最近一次 {self.at}"


@dataclass(frozen=True)
class State:
    """How one account stands today. `standings` is None while the queue's Redis is away."""

    account: Account
    standings: list[Standing] | None
    refused: list[Refused]


@actor("accounts")
def read_templates() -> None:
    """Learn what templates each account has, once a night and whenever an administrator asks."""
    found = [one for account in accounts.all_accounts().values() for one in templates.look(account)]
    with db.transaction() as session:
        templates.keep(session, found)
        known = templates.libraries(session)
    for account in accounts.all_accounts().values():
        _say(account, templates.check(account, known))


_said: set[tuple[str, str, str]] = set()  # what this process has warned of: account, kind and problem


def _say(account: Account, verdicts: Sequence[Verdict]) -> None:
    """Warn of each template that cannot be used, once; what nobody could look at is no problem of its own."""
    bad = {
        (one.account, f"{one.sort}:{one.message}", one.problem)
        for one in verdicts
        if one.problem not in (None, templates.NOT_LOOKED)
    }
    for name, kind, problem in sorted(bad - _said):
        logger.warning("no usable template for %s at %s: %s", kind, name, problem)
    _said.difference_update([one for one in _said if one[0] == account.name])
    _said.update(bad)


@actor("accounts")
def read_quotas() -> None:
    """Ask the platform what was used of each account's calls today, by whomever."""
    for account in accounts.all_accounts().values():
        for app, paths in _apps(account):
            _read_quotas(app, paths)


def _read_quotas(app: tokens.App, paths: Sequence[str]) -> None:
    """What the platform does not tell is counted by us alone; what refuses the app is not asked on."""
    for path in paths:
        try:
            quotas.note(app.app_id, path, *client.quota(app, path))
        except RedisError:
            return
        except ProviderError as error:
            logger.debug("the quota of %s for %s is not known: %s", path, app.app_id, error)
            if error.fate in OF_APP:
                return


def states() -> list[State]:
    """How every account stands."""
    return [_state(account) for account in accounts.all_accounts().values()]


def _state(account: Account) -> State:
    try:
        return State(account, list(_standings(account)), list(_refusals(account)))
    except RedisError:
        return State(account, None, [])


def _refusals(account: Account) -> Iterator[Refused]:
    for ending, what, where in PARTS:
        if found := refused_accounts.of(account.name + ending):
            yield Refused(f"{account.area}的{what}", found.why, where, found.at)


def of_sms() -> Refused | None:
    """Why no text message can be sent, as far as it is known."""
    try:
        found = refused_accounts.of(sms_codes.ACCOUNT)
    except RedisError:
        return None
    return Refused("短信", found.why, "腾讯云的短信控制台", found.at) if found else None


def _standings(account: Account) -> Iterator[Standing]:
    for app, paths in _apps(account):
        yield from (one for one in quotas.standings(app.app_id) if one.path in paths)


def _apps(account: Account) -> list[tuple[tokens.App, tuple[str, ...]]]:
    """The account and its mini program, each with the paths that it calls."""
    program = [(account.mini_program, OF_PROGRAM)] if account.mini_program else []
    return [(account, OF_ACCOUNT), *program]


def warnings() -> list[tuple[str, str]]:
    """What an administrator should know now: account and sentence, for each or each path in trouble; what is
    wrong with text messages is said of every account."""
    sms = of_sms()
    all_of_us = [sms.sentence] if sms else []
    return [
        (state.account.name, sentence) for state in states() for sentence in [*_sentences(state), *all_of_us]
    ]


def _sentences(state: State) -> Iterator[str]:
    for refused in state.refused:
        yield refused.sentence
    name = f"{state.account.area}的公众号"
    for one in state.standings or ():
        if one.is_closed:
            yield f"{name}今天的“{one.label}”已用完，明天零点以后再发"
        elif one.is_near:
            yield f"{name}今天的“{one.label}”用了 {one.share:.0%}，快满时不急的消息会等到明天"
