"""The levels of places, the kinds of units and people, and the word officers use for each."""

from enum import StrEnum


class Level(StrEnum):
    DISTRICT = "district"
    SUBDISTRICT = "subdistrict"
    COMMUNITY = "community"
    ZONE = "zone"
    GRID = "grid"
    BUILDING = "building"
    STATION = "station"


class Role(StrEnum):
    RESIDENT = "resident"
    SYSTEM = "system"
    SAFETY_OFFICER = "safety_officer"
    GRID_OFFICER = "grid_officer"
    INFORMATION_OFFICER = "information_officer"
    SECRETARY = "secretary"
    DISPATCHER = "dispatcher"
    HANDLER = "handler"
    UNIT_HEAD = "unit_head"
    MEDIATOR = "mediator"
    LAWYER = "lawyer"
    COUNSELLOR = "counsellor"
    SUPERVISOR = "supervisor"
    LEADER = "leader"
    ADMINISTRATOR = "administrator"
    ARBITER = "arbiter"  # no post of its own: a supervisor or dispatcher of the district
    GROUP_MEMBER = "group_member"  # no post either: of the working group of one case


class UnitKind(StrEnum):
    DEPARTMENT = "department"
    OFFICE = "office"
    COMMUNITY = "community"
    MEDIATION = "mediation"
    SERVICE_POINT = "service_point"
    ENTERPRISE = "enterprise"


class Force(StrEnum):
    GRID_OFFICER = "grid_officer"
    BUILDING_HEAD = "building_head"
    FIVE_ELDERS = "five_elders"
    PROPERTY_GUARD = "property_guard"
    SITE_SAFETY_OFFICER = "site_safety_officer"
    LABOUR_OFFICER = "labour_officer"
    HOSPITAL_GUARD = "hospital_guard"
    SCHOOL_GUARD = "school_guard"
    SHOPKEEPER = "shopkeeper"
    DELIVERY_RIDER = "delivery_rider"
    PATROL = "patrol"
    PARTY_MEMBER = "party_member"
    MEDIATOR = "mediator"
    VOLUNTEER = "volunteer"


class Datum(StrEnum):
    """What a position was given in; it is stored in WGS-84."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"


class Carrier(StrEnum):
    """What a QR code holds: the official account's ticket, a mini program's scene, or an address of ours."""

    ACCOUNT = "account"
    MINI_PROGRAM = "mini_program"
    URL = "url"


ROLE_LABELS = {
    Role.RESIDENT: "居民",
    Role.SYSTEM: "系统",
    Role.SAFETY_OFFICER: "平安员",
    Role.GRID_OFFICER: "网格员",
    Role.INFORMATION_OFFICER: "信息员",
    Role.SECRETARY: "社区书记",
    Role.DISPATCHER: "分拨员",
    Role.HANDLER: "经办人",
    Role.UNIT_HEAD: "负责人",
    Role.MEDIATOR: "调解员",
    Role.LAWYER: "律师",
    Role.COUNSELLOR: "心理咨询师",
    Role.SUPERVISOR: "督查专员",
    Role.LEADER: "领导",
    Role.ADMINISTRATOR: "管理员",
    Role.ARBITER: "区级裁定人",
    Role.GROUP_MEMBER: "专班成员",
}

LEVEL_LABELS = {
    Level.DISTRICT: "区",
    Level.SUBDISTRICT: "街道",
    Level.COMMUNITY: "社区",
    Level.ZONE: "片区",
    Level.GRID: "网格",
    Level.BUILDING: "楼栋",
    Level.STATION: "站点",
}
L = Level
# What each level may lie in: cities hang zones and stations where it suits them.
ABOVE: dict[Level, tuple[Level, ...]] = {
    L.DISTRICT: (),
    L.SUBDISTRICT: (L.DISTRICT,),
    L.COMMUNITY: (L.SUBDISTRICT,),
    L.ZONE: (L.COMMUNITY, L.SUBDISTRICT),
    L.GRID: (L.COMMUNITY, L.ZONE),
    L.BUILDING: (L.GRID, L.ZONE, L.COMMUNITY),
    L.STATION: (L.DISTRICT, L.SUBDISTRICT, L.COMMUNITY, L.ZONE, L.GRID, L.BUILDING),
}

UNIT_LABELS = {
    UnitKind.DEPARTMENT: "部门",
    UnitKind.OFFICE: "街道科室",
    UnitKind.COMMUNITY: "社区工作站",
    UnitKind.MEDIATION: "调解组织",
    UnitKind.SERVICE_POINT: "服务点",
    UnitKind.ENTERPRISE: "企事业单位",
}

# The 14 kinds of community force (平安员类别).
FORCE_LABELS = {
    Force.GRID_OFFICER: "网格员",
    Force.BUILDING_HEAD: "楼栋长",
    Force.FIVE_ELDERS: "五老人员",
    Force.PROPERTY_GUARD: "物业安保员",
    Force.SITE_SAFETY_OFFICER: "工地安全员",
    Force.LABOUR_OFFICER: "劳资专管员",
    Force.HOSPITAL_GUARD: "医院安保员",
    Force.SCHOOL_GUARD: "校园安保员",
    Force.SHOPKEEPER: "商户店主",
    Force.DELIVERY_RIDER: "快递外卖骑手",
    Force.PATROL: "巡防队员",
    Force.PARTY_MEMBER: "党员骨干",
    Force.MEDIATOR: "人民调解员",
    Force.VOLUNTEER: "平安志愿者",
}
DATUM_LABELS = {Datum.WGS84: "WGS-84", Datum.GCJ02: "GCJ-02"}
CARRIER_LABELS = {Carrier.ACCOUNT: "公众号码", Carrier.MINI_PROGRAM: "小程序码", Carrier.URL: "网址码"}
