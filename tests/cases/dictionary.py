"""A small event dictionary, and a full one of 4,096 entries."""

from backend.cases import editions
from backend.cases.category_models import CaseKind
from backend.cases.editions import SEPARATOR, Item
from backend.places.scope import COMMAND_LINE

# Invented, but shaped like a district's: code, the code above, name, synonyms, keywords.
SMALL = (
    ("5", None, "市容环卫", (), ()),
    ("51", "5", "占道经营", (), ()),
    ("511", "51", "无照经营游商", ("流动摊贩",), ("摆摊",)),
    ("512", "51", "店外经营", (), ()),
    ("52", "5", "环境卫生", (), ()),
    ("521", "52", "暴露垃圾", ("垃圾堆积",), ()),
    ("6", None, "市政设施", (), ()),
    ("61", "6", "公用部件", (), ()),
    ("611", "61", "下水井盖", ("窨井盖",), ()),
    ("612", "61", "路灯", (), ("灯不亮",)),
)
MANY = 8  # to the power of four are 4,096 leaves


def make_dictionary(session, rows=SMALL, name="第一版", **fields):
    """The living entries by code, after an edition with these rows."""
    items = {row[0]: Item(*row[:3], CaseKind.COMPLAINT, *row[3:], **fields) for row in rows}
    editions.publish(session, COMMAND_LINE, name, items, is_whole=True)
    session.commit()
    return editions.standing(session)


def make_full_dictionary(session):
    """4,096 leaves under 584 others: eight on each level."""
    characters = "路灯井盖垃圾噪声施工排水占道停车油烟绿化"
    rows = []

    def grow(above, name):
        for n in range(MANY):
            code = f"{above or ''}{n}"
            said = name + characters[(len(rows) * 7) % 20] + characters[(len(rows) * 3) % 20]
            rows.append((code, above, f"{said}{n}", (f"俗称{code}",), ()))
            if len(code) < editions.LEVELS:
                grow(code, said[-2:])

    grow(None, "")
    return make_dictionary(session, rows)


def path(*names):
    return SEPARATOR.join(names)
