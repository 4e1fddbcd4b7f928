import inspect
import json
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest
import redis
import sqlalchemy as sa
import structlog
from flask import request
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend import app as application
from backend import db
from backend.app import create_app
from backend.auth import public
from backend.config import Config
from backend.errors import Gone
from backend.notify import service
from backend.notify.messages import Message
from backend.notify.records import NEXT_VISIT
from backend.times import now
from backend.web import protection
from tests.factories import make_community, make_resident


@pytest.fixture
def app():
    return create_app()


@pytest.fixture
def client(app, session):
    return app.test_client()


def views(app):
    return {
        (rule.rule, rule.endpoint): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
    }


def test_every_route_declares_who_may_use_it(app):
    assert [path for path, view in views(app).items() if not hasattr(view, "access")] == []


def test_every_route_declares_it_once(app):
    declared = re.compile(r"^@(?:auth\.)?(?:public|require\(.*\))$", re.MULTILINE)
    for path, view in views(app).items():
        source = inspect.getsource(inspect.unwrap(view))
        assert len(declared.findall(source[: source.index("def ")])) == 1, path


def test_it_is_alive_without_anything_else():
    response = create_app().test_client().get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_no_later_line_of_the_thread_carries_the_id_of_a_request():
    create_app().test_client().get("/healthz")
    assert structlog.contextvars.get_contextvars() == {}


def test_it_is_ready_when_database_queue_and_tables_are_there(client):
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (
        200, {"database": True, "redis": True, "migrations": True},
    )  # fmt: skip


def test_a_database_behind_the_code_is_not_ready(client, session):
    session.execute(db.sa.text("UPDATE alembic_version SET version_num = '0000'"))
    session.commit()
    response = client.get("/readyz")
    assert (response.status_code, response.json["migrations"], response.json["redis"]) == (503, False, True)


def test_a_queue_that_is_away_is_named(client, monkeypatch):
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setitem(health_checks(), "redis", away.ping)
    response = client.get("/readyz")
    assert (response.status_code, response.json["redis"], response.json["database"]) == (503, False, True)


def health_checks():
    from backend.web import health

    return health.CHECKS


def test_figures_count_requests_and_what_is_owed(client):
    client.get("/healthz")
    text = client.get("/metrics").text
    assert re.search(r'http_request_seconds_count\{endpoint="health.alive",status="200"\} \d', text)
    assert "notifications_waiting 0.0" in text


def test_what_waits_for_a_visit_is_counted_apart_from_what_is_late(client, session):
    resident = make_resident(session)
    soon, later = timedelta(minutes=59), timedelta(hours=6)
    for number, due_in in enumerate([-later, soon, later, NEXT_VISIT, NEXT_VISIT, NEXT_VISIT]):
        key, due_at = f"k{number}", now() + due_in
        service.owe(session, Message.CASE_ACCEPTED, key, {}, residents=[resident.id], due_at=due_at)
    text = client.get("/metrics").text
    assert "notifications_waiting 2.0" in text
    assert "notifications_late 1.0" in text
    assert "notifications_waiting_for_visit 3.0" in text


def test_a_page_that_is_not_there_says_so_in_chinese(client):
    response = client.get("/nothing")
    assert response.status_code == 404
    assert "没有这个页面" in response.text
    assert "<html" in response.text


@pytest.mark.parametrize(
    ("path", "headers"), [("/api/v1/nothing", {}), ("/nothing", {"Accept": "application/json"})]
)
def test_a_program_gets_the_one_error_shape(client, path, headers):
    response = client.get(path, headers=headers)
    assert response.status_code == 404
    assert set(response.json) == {"error", "message"}
    assert response.json["message"] in response.text
    assert response.json["error"] == "not_found"


def test_a_wrong_method_is_told_which_ones_work(client):
    response = client.delete("/healthz")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_who_waits_too_long_for_others_is_asked_to_come_back(app, client, session):
    def wait():
        with db.transaction() as waiting:
            waiting.execute(sa.text("SET LOCAL statement_timeout = '50ms'"))
            waiting.execute(sa.text("SELECT pg_sleep(1)"))

    app.add_url_rule("/busy", view_func=wait)
    response = client.get("/busy")
    assert response.status_code == 409
    assert "有人正在改同样的资料，请稍后再试" in response.text


def test_an_expected_failure_keeps_its_status_and_sentence(app, client):
    app.add_url_rule("/gone", view_func=lambda: raise_(Gone("这次回访已经结束了")))
    response = client.get("/gone")
    assert response.status_code == 410
    assert "这次回访已经结束了" in response.text


def test_an_unexpected_failure_shows_its_id_and_nothing_else(app, client, caplog):
    app.add_url_rule("/broken", view_func=lambda: raise_(RuntimeError("a secret detail")))
    response = client.get("/broken")
    [shown] = re.findall(r"错误号 (\w{8})", response.text)
    assert response.status_code == 500
    assert "a secret detail" not in response.text
    assert any(shown in record.getMessage() for record in caplog.records)


def raise_(error):
    raise error


def test_a_form_without_its_token_is_refused(app, client):
    for rule in app.url_map.iter_rules():
        if "POST" in rule.methods and rule.endpoint.split(".")[0] in {"console", "resident", "login"}:
            path = re.sub(r"<[^>]+>", "1", rule.rule)
            response = client.post(path)
            assert response.status_code == 400, path
            assert "页面已经过期" in response.text


def test_pages_may_run_no_foreign_script_and_be_framed_by_nobody(client):
    policy = client.get("/nothing").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_what_is_too_large_is_refused(client):
    response = client.post("/wechat/demo/logout", data={"note": "x" * (protection.BODY_LIMIT + 1)})
    assert response.status_code == 413


def test_one_caller_cannot_press_without_end_and_others_are_not_held_up(client, broker):
    def press(ip):
        return client.post("/wechat/demo/logout", environ_base={"REMOTE_ADDR": ip}).status_code

    answers = [press("192.0.2.1") for _ in range(protection.WRITES_PER_MINUTE + 1)]
    assert (answers[0], answers[-1], press("192.0.2.2")) == (400, 429, 400)


def test_rates_are_counted_without_redis_too(client, monkeypatch):
    away = protection.storage_from_string(
        "redis://127.0.0.1:1", wrap_exceptions=True, socket_connect_timeout=1
    )
    monkeypatch.setattr(protection, "_shared", protection.FixedWindowRateLimiter(away))
    answers = [
        client.post("/wechat/demo/logout").status_code for _ in range(protection.WRITES_PER_MINUTE + 1)
    ]
    assert (answers[0], answers[-1]) == (400, 429)


def test_wechat_s_own_deliveries_are_never_limited(client, broker):
    answers = {client.post("/wechat/demo", data=b"<xml/>").status_code for _ in range(80)}
    assert 429 not in answers


def test_the_front_page_says_what_this_is(client):
    page = client.get("/").text
    assert "社区诉求服务" in page
    assert "模拟" not in page


def test_files_are_served_by_a_name_that_changes_with_them(client):
    page = client.get("/").text
    [address] = re.findall(r'href="(/static/site\.css\?v=\w+)"', page)
    response = client.get(address)
    assert response.status_code == 200
    assert "max-age=31536000" in response.headers["Cache-Control"]


def test_without_the_vendor_s_files_a_page_says_what_to_run(client, monkeypatch):
    from backend.web import assets

    monkeypatch.setattr(assets, "_manifest", dict)
    page = client.get("/").text
    assert "页面样式没有装好" in page


def serve(database_url):
    """What a server does with the application, in a process of its own."""
    script = "from backend.app import app; print(app.test_client().get('/readyz').text)"
    env = os.environ | {"DATABASE_URL": database_url}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_a_server_finds_a_connected_application(committed, database_url):
    make_community(committed)
    assert json.loads(serve(database_url).stdout)["database"] is True


def test_an_account_of_an_unknown_area_stops_the_start_with_a_sentence(committed, database_url):
    run = serve(database_url)
    assert run.returncode != 0
    assert "公众号 demo 的 area：没有这个地点" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "10.0.0.7")])
def test_only_ones_own_proxies_say_who_calls(proxies, address, session, monkeypatch):
    monkeypatch.setenv("TRUSTED_PROXIES", str(proxies))
    monkeypatch.setattr(application, "config", Config())
    app = create_app()
    app.add_url_rule("/who", view_func=public(lambda: request.remote_addr))
    claimed = {"X-Forwarded-For": "6.6.6.6, 10.0.0.7"}
    assert app.test_client().get("/who", headers=claimed).text == address
