"""The operator's way to an officer's personal code."""

import click
import pytest
from click.testing import CliRunner

from backend import bind
from backend.config import config
from backend.errors import NotFound
from backend.notify import binding
from backend.notify.models import Contact
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_community, make_contact, make_officer
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def officer(committed, weixin):
    return make_officer(committed, Role.INFORMATION_OFFICER, area=make_community(committed), name="周晓岚")


def test_the_code_binds_who_scans_it(committed, officer, weixin):
    made = bind.make("周晓岚")
    [code] = weixin.codes()
    assert (made.officer, made.url) == ("周晓岚（信息员 · 玉兰社区）", code["url"])
    contact = make_contact(committed)
    binding.redeem(committed, code["scene"].removeprefix(binding.SCENE_PREFIX), contact.id)
    assert committed.get_one(Contact, contact.id).officer_id == officer.id


def test_of_namesakes_the_operator_chooses(committed, officer, weixin):
    other = make_officer(committed, Role.SECRETARY, area=make_community(committed), name="周晓岚")
    with pytest.raises(click.ClickException, match=f"--id {other.id}  周晓岚（社区书记"):
        bind.make("周晓岚")
    assert bind.make("周晓岚", other.id).officer.startswith("周晓岚（社区书记")
    assert len(weixin.codes()) == 1


def test_nobody_is_bound_by_a_wrong_name_or_after_leaving(committed, officer, weixin):
    officer.left_at = now()
    committed.commit()
    for name in ("周晓岚", "周晓"):
        with pytest.raises(click.ClickException, match="没有这位"):
            bind.make(name)
    with pytest.raises(NotFound, match="公众号"):
        bind.make("周晓岚", account="nothing")
    assert weixin.codes() == []


def test_the_command_draws_the_code_and_says_how_long_it_is_good(officer, database_url):
    real = config.database_url
    object.__setattr__(config, "database_url", database_url)
    try:
        shown = CliRunner().invoke(bind.main, ["周晓岚"])
    finally:
        object.__setattr__(config, "database_url", real)
    assert shown.exit_code == 0
    assert "█" in shown.output
    assert "周晓岚（信息员 · 玉兰社区）：请本人用微信扫一扫。只能用一次" in shown.output
