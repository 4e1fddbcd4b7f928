"""The glue between a view and its shapes: reads the body, answers the model, remembers both for the document.

Every complaint is a Chinese sentence that names the field and never repeats what was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backend.errors import Malformed, Unsupported
from backend.web.forms import WHOLE, WrongFields

JSON = "application/json"
BODY_LIMIT = 64 * 1024  # bytes; photos come as multipart and have a limit of their own

View = Callable[..., Any]
Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class Contract:
    """What one route takes and gives. `errors` are the statuses that it may answer besides."""

    summary: str
    takes: type[BaseModel] | None
    gives: type[BaseModel] | None
    status: int
    query: tuple[str, ...]
    needs: tuple[str, ...]
    photo: bool
    errors: tuple[int, ...]


def contract(
    summary: str,
    *,
    takes: type[BaseModel] | None = None,
    gives: type[BaseModel] | None = None,
    status: int = 200,
    query: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    photo: bool = False,
    errors: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Give the view its parsed body as `body`; it returns the model it gives, or that and another status.

    `query` names the query's parameters, `needs` those of them that must be there.
    """
    told = Contract(summary, takes, gives, status, query, needs, photo, errors)

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(**path: Any) -> Response:
            given = {"body": read_body(takes)} if takes is not None else {}
            return answer(view(**path, **given), status)

        wrapper.contract = told  # type: ignore[attr-defined]
        return wrapper

    return decorate


def answer(given: Any, status: int) -> Response:
    """The model as JSON; None as an empty body."""
    model, status = given if isinstance(given, tuple) else (given, status)
    if model is None:
        return Response(status=204)
    return Response(
        model.model_dump_json(), status=status, mimetype=JSON, headers={"Cache-Control": "no-store"}
    )


def read_body(shape: type[Shape]) -> Shape:
    """The request's JSON in this shape. Raises Unsupported, Malformed, WrongFields, or Flask's 413."""
    if request.mimetype != JSON:
        raise Unsupported("请用 JSON 格式（application/json）提交")
    request.max_content_length = BODY_LIMIT
    text = request.get_data(cache=False)
    return checked(shape, lambda: shape.model_validate_json(text))


def checked(shape: type[Shape], read: Callable[[], Shape]) -> Shape:
    """What this reads; what pydantic has against it becomes Malformed or WrongFields. Forms too."""
    try:
        return read()
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
    if any(problem["type"] == "json_invalid" for problem in problems):
        raise Malformed("提交的内容不是完整的 JSON")
    raise WrongFields({_field(problem): _sentence(shape, problem) for problem in problems})


# What pydantic found → a sentence; `{name}` is the field's title, the rest are the limits that it states.
SENTENCES = {
    "missing": "请填写{name}",
    "string_type": "{name}应当是文字",
    "string_too_short": "请填写{name}",
    "string_too_long": "{name}太长了，最多{max_length}个字",
    "bool_type": "{name}应当是 true 或 false",
    "int_type": "{name}应当是整数",
    "int_from_float": "{name}应当是整数",
    "float_type": "{name}应当是数字",
    "finite_number": "{name}应当是数字",
    "greater_than_equal": "{name}不能小于{ge:g}",
    "less_than_equal": "{name}不能大于{le:g}",
    "dict_type": "{name}的格式不对",
    "too_long": "{name}太多了",
    "model_type": "提交的内容应当是一个 JSON 对象",
    "extra_forbidden": "有不认识的字段，只接受：{known}",
}


def missing(shape: type[BaseModel], field: str) -> str:
    """What is said of this field when it is empty."""
    return SENTENCES["missing"].format(name=shape.model_fields[field].title)


def _field(problem: ErrorDetails) -> str:
    return str(problem["loc"][0]) if problem["loc"] else WHOLE


def _sentence(shape: type[BaseModel], problem: ErrorDetails) -> str:
    field = shape.model_fields.get(_field(problem))
    name = (field.title if field else None) or "提交的内容"
    pattern = SENTENCES.get(problem["type"], "{name}填得不对")
    return pattern.format(name=name, known="、".join(shape.model_fields), **problem.get("ctx", {}))
