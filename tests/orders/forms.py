"""The form of a draft as a browser sends it, and what its pages say back."""

import re


def form_of(scene, **fields):
    lead, second = scene.units["lead"].id, scene.units["second"].id
    defaults = {
        "title": "清理停车场的非法市场",
        "text": "今天清走摊位",
        "place": scene.community.id,
        "lead": lead,
        "unit": [lead, second],
        "of": [lead, second],
        "task": ["", "劝离摊主"],
        "key": "a form",
    }
    return defaults | fields


def number_of(answer):
    return re.search(r"/console/orders/(F\d{11})$", answer.headers["Location"])[1]


def seen_on(page):
    return re.search(r'name="seen" value="(\d+)"', page)[1]
