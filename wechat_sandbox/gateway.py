"""The way in for every API call: faults, checks, the end point, the journal."""

import json
import socket
import time
from collections.abc import Mapping
from typing import Any

from flask import Request, Response

from wechat_sandbox import ids, quotas, tokens
from wechat_sandbox.api import Answer, Call, Endpoint, parse_json
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform


def handle(platform: Platform, endpoints: Mapping[str, Endpoint], request: Request) -> Response:
    """Answer one API request: faults first, then the checks, then the end point; note it in the journal."""
    call = Call(request, refuse_escapes=bool(platform.option("refuse_escaped_json")))
    endpoint = endpoints.get(request.path)
    fault = platform.faults.take_api(request.path)
    answer = _faulty(platform, call, endpoint, fault) if fault else _answer(platform, call, endpoint)
    response = _response(answer, plain_text=endpoint is not None and endpoint.plain_text)
    if fault and fault.get("http_status"):
        response.status_code = int(fault["http_status"])
    _note(platform, call, answer)
    if fault and fault.get("close"):
        _hang_up(request)
    return response


def _answer(platform: Platform, call: Call, endpoint: Endpoint | None) -> Answer:
    try:
        if endpoint is None:
            raise ApiError(40066)
        if call.request.method not in endpoint.methods:
            raise ApiError(43002 if "POST" in endpoint.methods else 43001)
        if endpoint.token:
            call.owner = tokens.owner(platform, call.query("access_token"))
            quotas.count(platform, call.owner, call.request.path)
        return endpoint.answer(platform, call)
    except ApiError as error:
        return refused(platform, error, plain_text=endpoint is not None and endpoint.plain_text)


def refused(platform: Platform, error: ApiError, *, plain_text: bool = False) -> dict[str, Any]:
    """errcode and errmsg with the rid; /sns puts a comma before it."""
    comma = "," if plain_text else ""
    return {"errcode": error.errcode, "errmsg": f"{error.errmsg}{comma} rid: {ids.rid(platform.now())}"}


def _faulty(platform: Platform, call: Call, endpoint: Endpoint | None, fault: dict[str, Any]) -> Answer:
    """A scripted fault: it replaces the work, or with `after` it only replaces the answer.

    A fault without an errcode, http_status or close only delays.
    """
    time.sleep(fault.get("delay_ms", 0) / 1000)
    spoils = "errcode" in fault or fault.get("http_status") or fault.get("close")
    if fault.get("after") or not spoils:
        answer = _answer(platform, call, endpoint)
        if not spoils:
            return answer
    if endpoint is not None and endpoint.token and call.owner is None:
        call.owner = tokens.owner_or_none(platform, call.query("access_token"))
    return refused(platform, ApiError(fault.get("errcode", -1), fault.get("errmsg")))


def _response(answer: Answer, *, plain_text: bool) -> Response:
    if isinstance(answer, Response):
        return answer
    kind = "text/plain" if plain_text else "application/json; encoding=utf-8"
    return Response(json.dumps(answer, ensure_ascii=False), content_type=kind)


def _note(platform: Platform, call: Call, answer: Answer) -> None:
    """Write the call into the journal that tests read."""
    response = f"{len(answer.get_data())} bytes" if isinstance(answer, Response) else answer
    platform.calls.add(
        {
            "at": platform.now(), "path": call.request.path,
            "app_id": call.owner.app_id if call.owner else None,
            "query": dict(call.request.args), "body": _body_for_journal(call.request),
            "errcode": 0 if isinstance(answer, Response) else answer.get("errcode", 0), "response": response,
        }
    )  # fmt: skip


def _body_for_journal(request: Request) -> Any:
    if request.files:
        return {name: file.filename for name, file in request.files.items()}
    raw = request.get_data()
    try:
        return parse_json(raw) if raw else None
    except ApiError:
        return raw.decode(errors="replace")


def _hang_up(request: Request) -> None:
    """Close the connection without an answer, as a broken network does."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
