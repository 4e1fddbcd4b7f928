// The page: how many phones lie on the desk, and whose they are.

import { get } from "./api.js";
import { Phone } from "./phone.js";

const ROLES = {
  resident: "居民",
  safety_officer: "平安员",
  information_officer: "信息员",
  secretary: "社区书记",
  dispatcher: "分拨员",
  handler: "经办人",
  unit_head: "负责人",
  mediator: "调解员",
  supervisor: "督查专员",
  leader: "领导",
  administrator: "管理员",
};
const desk = document.getElementById("phones");
const count = document.getElementById("count");
const phones = [];

const remembered = () => JSON.parse(localStorage.getItem("phones") || "{}");
const remember = () => {
  const users = phones.map((phone) => phone.user?.user_id);
  localStorage.setItem("phones", JSON.stringify({ count: count.value, users }));
};

// Everyone grouped by role, in the order of the table above; unknown roles keep their own word.
function fillPeople(select, users) {
  const roles = [...new Set([...Object.keys(ROLES), ...users.map((user) => user.role)])];
  const groups = roles.map((role) => {
    const group = document.createElement("optgroup");
    group.label = ROLES[role] || role || "其他";
    group.append(...users.filter((user) => user.role === role).map((user) => new Option(user.name, user.user_id)));
    return group;
  });
  select.replaceChildren(...groups.filter((group) => group.children.length));
}

// The first phone starts with a resident, the second with whoever is not one.
function firstChoice(index, users) {
  const kept = users.find((user) => user.user_id === remembered().users?.[index]);
  const wanted = users.filter((user) => (index === 0) === (user.role === "resident"));
  return kept || wanted[Math.max(0, index - 1)] || users[index] || users[0];
}

async function refresh() {
  const [{ users }, { apps }] = await Promise.all([get("/users?limit=500"), get("/apps")]);
  const accounts = apps.filter((app) => app.kind === "service_account");
  desk.classList.toggle("empty", !users.length || !accounts.length);
  while (phones.length < Number(count.value)) phones.push(new Phone(desk, remember));
  while (phones.length > Number(count.value)) phones.pop().remove();
  if (!users.length || !accounts.length) return;
  phones.forEach((phone, index) => {
    fillPeople(phone.people, users);
    phone.show(users.find((user) => user.user_id === phone.user?.user_id) || firstChoice(index, users), users, accounts);
  });
}

count.value = remembered().count || "2";
count.addEventListener("change", () => refresh().then(remember));
await refresh();
// People and accounts are rare events: a slow look is enough.
setInterval(() => refresh().catch(() => {}), 5000);
