"""Whatever JSON comes, the answer is a shape of the contract, never a failure of ours."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "report", "scene", "latitude", "longitude", "address", "phone", "key", "note", "solved", "satisfaction",
    "words", "accepted", "code", "account",
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8) | VALUES
PATHS = ("/cases", "/subscriptions", "/cases/261121000001/add", "/cases/261121000001/survey")


@pytest.mark.parametrize("path", PATHS)
@given(body=BODIES)
@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_json_makes_it_fail(mini, path, body):
    response = mini.client.post(f"/api/v1{path}", json=body, headers=mini.headers)
    assert response.status_code not in {429, 500}  # 50 tries are fewer than a minute allows
    if response.status_code >= 400:
        assert set(response.get_json()) == {"error", "message"}


@given(number=st.text(max_size=20), scene=st.text(max_size=80), before=st.text(max_size=20))
@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_address_makes_it_fail(mini, number, scene, before):
    answers = [
        mini.client.get("/api/v1/cases/" + number.replace("/", ""), headers=mini.headers),
        mini.client.get("/api/v1/place", query_string={"scene": scene}),
        mini.client.get("/api/v1/cases", query_string={"before": before}, headers=mini.headers),
    ]
    assert all(answer.status_code < 500 for answer in answers)
