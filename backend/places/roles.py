"""The levels of places, and the roles people hold with the word officers use for each."""

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


class UnitKind(StrEnum):
    DEPARTMENT = "department"
    OFFICE = "office"
    MEDIATION = "mediation"
    SERVICE_POINT = "service_point"


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
}
