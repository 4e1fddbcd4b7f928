"""What an account may know of its users: /cgi-bin/user/info, batchget, get."""

from typing import Any

from wechat_sandbox import people, templates
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform

BATCH, PAGE = 100, 10_000


def info(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/user/info: no nickname and no picture since 2021-12-27."""
    return _describe(platform, call.app, call.query("openid"))


def batch(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/user/info/batchget: at most 100."""
    wanted = call.body().get("user_list")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= BATCH:
        raise ApiError(40035)
    return {"user_info_list": [_describe(platform, call.app, one.get("openid")) for one in wanted]}


def listing(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/user/get: openids of followers, 10,000 a page."""
    rows = platform.state.rows(
        "SELECT openid FROM follows WHERE app_id = ? AND openid > ? ORDER BY openid LIMIT ?",
        call.app.app_id, call.query("next_openid"), PAGE,
    )  # fmt: skip
    total = platform.state.rows("SELECT count(*) AS count FROM follows WHERE app_id = ?", call.app.app_id)
    openids = [row["openid"] for row in rows]
    last = openids[-1] if openids else ""
    page = {"total": total[0]["count"], "count": len(openids), "next_openid": last}
    return page | ({"data": {"openid": openids}} if openids else {})


def _describe(platform: Platform, app: App, openid: object) -> dict[str, Any]:
    user = templates.check_receiver(platform, app, {"touser": openid})
    row = platform.state.row("SELECT * FROM follows WHERE openid = ?", openid)
    union = people.unionid(app, user)
    known = {"subscribe": int(row is not None), "openid": openid} | ({"unionid": union} if union else {})
    if row is None:
        return known
    number = row["scene"].isdigit()
    return known | {
        "language": "zh_CN", "subscribe_time": int(row["since"]), "remark": "", "groupid": 0,
        "tagid_list": [], "subscribe_scene": row["via"], "qr_scene": int(row["scene"]) if number else 0,
        "qr_scene_str": "" if number else row["scene"],
    }  # fmt: skip


ENDPOINTS = {
    "/cgi-bin/user/info": Endpoint(info, ("GET",)),
    "/cgi-bin/user/info/batchget": Endpoint(batch, ("POST",)),
    "/cgi-bin/user/get": Endpoint(listing, ("GET",)),
}
