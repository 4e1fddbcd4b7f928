"""The OpenAPI 3.1 document of /api/v1, made from the routes and the very models that check them."""

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from backend.resident import schemas
from backend.resident.contract import JSON, Contract

REFS = "#/components/schemas/{model}"
REASONS = {
    400: "读不出来的 JSON",
    401: "没有登录，或登录已过期",
    404: "没有找到，或不是本人的",
    409: "当前状态不能这样办理",
    410: "已经答过，或已经结束",
    413: "内容太大",
    415: "不支持的格式",
    422: "内容有误",
    429: "太频繁",
    503: "微信暂时没有回应",
}
SECURITY = {"bearer": {"type": "http", "scheme": "bearer", "description": "POST /login 得到的 token"}}
PHOTO = {
    "type": "object",
    "required": ["photo"],
    "properties": {"photo": {"type": "string", "format": "binary"}},
}


def document(app: Flask, blueprint: str) -> dict[str, Any]:
    """Describe every route of this blueprint that has a contract."""
    paths: dict[str, dict[str, Any]] = {}
    used: set[tuple[type[BaseModel], str]] = {(schemas.Problem, "serialization")}
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        told: Contract | None = getattr(view, "contract", None)
        if told is None or not rule.endpoint.startswith(f"{blueprint}."):
            continue
        used |= {(told.takes, "validation")} if told.takes else set()
        used |= {(told.gives, "serialization")} if told.gives else set()
        method = next(iter((rule.methods or set()) & {"GET", "POST"})).lower()
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        paths.setdefault(path, {})[method] = _operation(rule, told, needs_login=view.access is not None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "社区诉求服务", "version": "1", "description": schemas.ABOUT},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": _schemas(used), "securitySchemes": SECURITY},
    }


def _schemas(used: set[tuple[type[BaseModel], str]]) -> dict[str, Any]:
    ordered: Any = sorted(used, key=lambda pair: pair[0].__name__)
    _, definitions = models_json_schema(ordered, ref_template=REFS)
    return dict(sorted(definitions["$defs"].items()))


def _operation(rule: Rule, told: Contract, *, needs_login: bool) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": rule.endpoint.split(".")[-1],
        "summary": told.summary,
        "parameters": _parameters(rule, told),
        "responses": _responses(told, needs_login),
    }
    if needs_login:
        operation["security"] = [{"bearer": []}]
    if told.takes is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(told.takes)}}}
    elif told.photo:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": PHOTO}}}
    return operation


def _parameters(rule: Rule, told: Contract) -> list[dict[str, Any]]:
    schema = {"schema": {"type": "string"}}
    path = [{"name": name, "in": "path", "required": True, **schema} for name in sorted(rule.arguments)]
    query = [{"name": name, "in": "query", "required": name in told.needs, **schema} for name in told.query]
    return path + query


def _responses(told: Contract, needs_login: bool) -> dict[str, Any]:
    statuses = set(told.errors) | ({401} if needs_login else set())
    statuses |= {400, 413, 415, 422} if told.takes is not None else set()
    problem = {"content": {JSON: {"schema": _ref(schemas.Problem)}}}
    good: dict[str, Any] = {"description": told.summary}
    if told.gives is not None:
        good["content"] = {JSON: {"schema": _ref(told.gives)}}
    refusals = {str(status): {"description": REASONS[status], **problem} for status in sorted(statuses)}
    return {str(told.status): good, **refusals}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFS.format(model=model.__name__)}
