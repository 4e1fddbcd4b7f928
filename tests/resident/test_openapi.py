"""The document of /api/v1 is valid, complete, and true."""

import pytest
from openapi_spec_validator import validate


@pytest.fixture
def document(app):
    return app.test_client().get("/api/v1/openapi.json").get_json()


def test_the_document_is_valid(document):
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_of_the_api_is_described(app, document):
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (rule.rule.replace("<number>", "{number}"), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.") and rule.endpoint != "api.describe"
        for method in rule.methods & {"GET", "POST"}
    }
    routes = {(path.split("<any")[0] + "{action}" if "<any" in path else path, m) for path, m in routes}
    assert described == routes


def test_what_needs_a_login_says_so(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            is_open = path in {"/api/v1/login", "/api/v1/place"}
            assert ("security" in operation) is not is_open, path
            assert ("401" in operation["responses"]) is (not is_open or path.endswith("login"))


def test_the_limits_that_are_checked_are_the_limits_that_are_told(document):
    report = document["components"]["schemas"]["NewCase"]["properties"]["report"]
    assert report["maxLength"] == 2000
    assert document["components"]["schemas"]["NewCase"]["additionalProperties"] is False
    assert document["components"]["schemas"]["NewCase"]["required"] == ["key"]


def test_moments_are_told_as_moments(document):
    case = document["components"]["schemas"]["Case"]["properties"]
    assert case["created_at"]["format"] == "date-time"
