"""What a row of a table of places says, whatever its columns are called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backend.errors import Invalid
from backend.places import fields, headers
from backend.places.fields import Told
from backend.places.imports import Finding
from backend.places.roles import LEVEL_LABELS, Datum, Level
from backend.sheets import given

L = Level
CODE, LEVEL, NAME, PARENT_CODE, PARENT = "编码", "层级", "名称", "上级编码", "上级名称"
LATITUDE, LONGITUDE, DATUM, TELEPHONE, STATE = "纬度", "经度", "坐标系", "电话", "状态"
HEADERS = (CODE, LEVEL, NAME, PARENT_CODE, PARENT, LATITUDE, LONGITUDE, DATUM, TELEPHONE, STATE)
IN_USE, CLOSED = "在用", "停用"

# Our header, and what else people call it.
SYNONYMS: dict[str, tuple[str, ...]] = {
    CODE: ("代码", "地点编码", "地点代码", "区划代码", "统计用区划代码", "code"),
    LEVEL: ("级别", "地点层级", "地点类型", "level"),
    NAME: ("地点名称", "地点", "name"),
    PARENT_CODE: ("上级代码", "父级编码", "所属编码", "parentcode", "parentid"),
    PARENT: ("上级", "父级", "父级名称", "所属", "parent", "parentname"),
    LATITUDE: ("lat", "latitude", "y"),
    LONGITUDE: ("lng", "lon", "longitude", "x"),
    DATUM: ("坐标系统", "datum", "crs"),
    TELEPHONE: ("联系电话", "电话号码", "值班电话", "telephone", "phone", "tel"),
    STATE: ("使用状态", "status", "state"),
}
# Columns that name a place of a level: what the name is called, and what its code is.
LEVEL_COLUMNS: dict[Level, tuple[tuple[str, ...], tuple[str, ...]]] = {
    L.DISTRICT: (
        ("区", "区县", "区名称", "所属区", "辖区", "district", "districtname"),
        ("区编码", "区代码", "areacode", "districtcode", "districtid"),
    ),
    L.SUBDISTRICT: (
        ("街道", "街道名称", "所属街道", "镇街", "街镇", "乡镇街道", "street", "streetname", "subdistrict"),
        ("街道编码", "街道代码", "streetcode", "streetid"),
    ),
    L.COMMUNITY: (
        ("社区", "社区名称", "所属社区", "村居", "居委会", "社区居委会", "community", "communityname"),
        ("社区编码", "社区代码", "communitycode", "communityid"),
    ),
    L.ZONE: (("片区", "片区名称", "所属片区", "zone", "zonename"), ("片区编码", "片区代码", "zonecode")),
    L.GRID: (
        ("网格", "网格名称", "所属网格", "综合网格", "grid", "gridname"),
        ("网格编码", "网格代码", "gridcode", "gridid"),
    ),
    L.BUILDING: (
        ("楼栋", "楼栋名称", "所属楼栋", "楼栋号", "楼宇", "building", "buildingname"),
        ("楼栋编码", "楼栋代码", "buildingcode", "buildingid"),
    ),
    L.STATION: (("站点", "站点名称", "station", "stationname"), ("站点编码", "站点代码", "stationcode")),
}
LEVEL_WORDS: dict[str, Level] = {
    **{label: level for level, label in LEVEL_LABELS.items()},
    **{level.value: level for level in Level},
    "区县": L.DISTRICT, "镇": L.SUBDISTRICT, "乡": L.SUBDISTRICT, "镇街": L.SUBDISTRICT,
    "street": L.SUBDISTRICT, "居委会": L.COMMUNITY, "村": L.COMMUNITY, "村居": L.COMMUNITY,
    "综合网格": L.GRID, "楼宇": L.BUILDING,
}  # fmt: skip
DATUM_WORDS = {
    "wgs84": Datum.WGS84, "gps": Datum.WGS84, "cgcs2000": Datum.WGS84, "国家2000": Datum.WGS84,
    "gcj02": Datum.GCJ02, "火星": Datum.GCJ02, "高德": Datum.GCJ02, "腾讯": Datum.GCJ02,
}  # fmt: skip
STATE_WORDS = {
    "": False,
    IN_USE: False,
    "启用": False,
    "正常": False,
    CLOSED: True,
    "撤销": True,
    "注销": True,
}


@dataclass(frozen=True)
class Named:
    """A place as one cell names it, with its code where the next cell gives it."""

    level: Level
    name: str
    code: str


@dataclass
class Row:
    """What one row says. Without a level of its own it is the one below its parent."""

    number: int
    level: Level | None
    said: Told
    above: tuple[Named, ...]  # the places named beside it, from the top
    parent_code: str = ""
    parent: str = ""  # names from the top, like 青岚区/望溪街道; or one name
    is_closed: bool = False
    findings: list[Finding] = field(default_factory=list)  # of what cannot be taken
    is_empty: bool = False  # names no place at all


class Columns:
    """Which header of a sheet means what. Raises Invalid for a sheet that is not one of places."""

    def __init__(self, said: Sequence[str]) -> None:
        there = headers.known(said)
        self.header = {ours: headers.first(there, (ours, *others)) for ours, others in SYNONYMS.items()}
        self.levels = {
            level: (headers.first(there, names), headers.first(there, codes))
            for level, (names, codes) in LEVEL_COLUMNS.items()
        }
        self.is_wide = self.header[NAME] is None
        if self.is_wide and not any(name for name, _ in self.levels.values()):
            raise Invalid("没有认出这张表：要有“名称”一列，或者“区”“街道”“社区”等各一列。请下载模板对照")

    def read(self, rows: Sequence[tuple[int, dict[str, str]]]) -> list[Row]:
        """What the rows say, one by one."""
        return [self._row(number, cells) for number, cells in rows]

    def _row(self, number: int, cells: Mapping[str, str]) -> Row:
        one = {ours: given(cells.get(header or "")) for ours, header in self.header.items()}
        chain = list(self._chain(cells))
        findings: list[Finding] = []
        level = _level(one[LEVEL], findings)
        if self.is_wide:
            chain, level, is_empty = _deepest(chain, one, findings)
        else:
            chain, is_empty = [named for named in chain if not level or _is_above(named.level, level)], False
        said = _told(one, findings)
        is_closed = _is_closed(one[STATE], findings)
        if not is_empty:
            findings += _wrong(said, one)
        return Row(
            number, level, said, tuple(chain), one[PARENT_CODE], one[PARENT], is_closed, findings, is_empty
        )

    def _chain(self, cells: Mapping[str, str]) -> Iterator[Named]:
        for level, (name, code) in self.levels.items():
            named = Named(level, given(cells.get(name or "")), given(cells.get(code or "")))
            if named.name or named.code:
                yield named


def _deepest(
    chain: list[Named], one: dict[str, str], findings: list[Finding]
) -> tuple[list[Named], Level | None, bool]:
    """In a wide row the last place named is the row's own; a code without a name names none."""
    nameless = [named for named in chain if not named.name]
    if len(nameless) == len(chain):
        return [], None, True
    for named in nameless:
        label = LEVEL_LABELS[named.level]
        findings.append(Finding(label, named.code, f"{label}只有编码，没有名称", "请补上名称，或者删去编码"))
    own = chain[-1]
    one[NAME], one[CODE] = own.name, own.code or one[CODE]
    return chain[:-1], own.level, False


def _level(text: str, findings: list[Finding]) -> Level | None:
    if not text:
        return None
    if text.lower() not in LEVEL_WORDS:
        labels = "、".join(LEVEL_LABELS.values())
        findings.append(Finding(LEVEL, text, "不认识这个层级", f"请填其中一个：{labels}"))
    return LEVEL_WORDS.get(text.lower())


def _is_above(one: Level, other: Level) -> bool:
    order = list(Level)
    return order.index(one) < order.index(other)


def _told(one: Mapping[str, str], findings: list[Finding]) -> Told:
    return Told(
        name=one[NAME],
        code=one[CODE] or None,
        telephone=one[TELEPHONE] or None,
        latitude=_number(LATITUDE, one[LATITUDE], findings),
        longitude=_number(LONGITUDE, one[LONGITUDE], findings),
        datum=_datum(one[DATUM], findings),
    )


def _number(column: str, text: str, findings: list[Finding]) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        findings.append(Finding(column, text, f"{column}不是数字", "请填以度为单位的小数，如 22.7104"))
        return None


def _datum(text: str, findings: list[Finding]) -> Datum:
    plain = headers.bare(text).replace("-", "").replace("坐标系", "").replace("坐标", "")
    if plain in DATUM_WORDS or not plain:
        return DATUM_WORDS.get(plain, Datum.WGS84)
    findings.append(
        Finding(
            DATUM, text, "不认识这个坐标系", "请填 WGS-84 或 GCJ-02；百度坐标请先换成 GCJ-02（高德、腾讯）"
        )
    )
    return Datum.WGS84


def _is_closed(text: str, findings: list[Finding]) -> bool:
    if text not in STATE_WORDS:
        findings.append(Finding(STATE, text, "不认识这个状态", f"请填{IN_USE}或{CLOSED}"))
    return STATE_WORDS.get(text, False)


_COLUMN_OF = {"name": NAME, "code": CODE, "telephone": TELEPHONE, "latitude": f"{LATITUDE}、{LONGITUDE}"}


def _wrong(said: Told, one: Mapping[str, str]) -> Iterator[Finding]:
    cells = {"latitude": f"{one[LATITUDE]}, {one[LONGITUDE]}", "name": one[NAME]}
    cells |= {"code": one[CODE], "telephone": one[TELEPHONE]}
    for what, sentence in fields.wrong(said).items():
        problem, _, cure = sentence.partition("，")
        yield Finding(_COLUMN_OF[what], cells[what], problem, cure or sentence)
