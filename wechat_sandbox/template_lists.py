"""What an account can read of its own templates: get_all_private_template and newtmpl/gettemplate."""

from typing import Any

from wechat_sandbox import subscriptions
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform


def private_templates(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/template/get_all_private_template: those for template messages."""
    if call.app.kind != "service_account":
        raise ApiError(48001)
    listed = [_private(template) for template in _of(call.app, subscription=False)]
    return {"template_list": listed}


def subscription_templates(platform: Platform, call: Call) -> Answer:
    """GET /wxaapi/newtmpl/gettemplate: those that people allow."""
    listed = [_subscription(call.app, template) for template in _of(call.app, subscription=True)]
    return {"errcode": 0, "errmsg": "ok", "data": listed}


def _of(app: App, *, subscription: bool) -> list[dict[str, Any]]:
    return [
        template
        for template_id, template in app.templates.items()
        if (subscriptions.type_of(app, template_id) is not None) == subscription
    ]


def _private(template: dict[str, Any]) -> dict[str, Any]:
    return {
        "template_id": template["template_id"], "title": template["title"],
        "primary_industry": "", "deputy_industry": "", "content": _content(template),
        "example": "",
    }  # fmt: skip


def _subscription(app: App, template: dict[str, Any]) -> dict[str, Any]:
    values = template.get("values", {})
    enums = [{"keywordCode": f"{name}.DATA", "enumValueList": list(one)} for name, one in values.items()]
    return {
        "priTmplId": template["template_id"], "title": template["title"], "content": _content(template),
        "example": "", "type": subscriptions.type_of(app, template["template_id"]),
        "keywordEnumValueList": enums,
    }  # fmt: skip


def _content(template: dict[str, Any]) -> str:
    """编号:{{character_string1.DATA}}, a line for each keyword."""
    return "".join(f"{label}:{{{{{name}.DATA}}}}\n" for name, label in template["keywords"].items())


ENDPOINTS = {
    "/cgi-bin/template/get_all_private_template": Endpoint(private_templates, ("GET",)),
    "/wxaapi/newtmpl/gettemplate": Endpoint(subscription_templates, ("GET",)),
}
