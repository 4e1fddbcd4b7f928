// The page: how many phones lie on the desk, and whose they are.

import { get, put } from "./api.js";
import { Phone } from "./phone.js";

const desk = document.getElementById("phones");
const count = document.getElementById("count");
const outage = document.getElementById("outage");
const phones = [];

const remembered = () => JSON.parse(localStorage.getItem("phones") || "{}");
const remember = () => {
  const users = phones.map((phone) => phone.user?.user_id);
  localStorage.setItem("phones", JSON.stringify({ count: count.value, users }));
};

// A role may say where: "居民 · 玉兰社区" is a group and a remark.
const groupOf = (user) => user.role.split(" · ")[0] || "其他";
const titleOf = (user) => [user.name, ...user.role.split(" · ").slice(1)].join(" · ");

// Everyone grouped by role, in the order in which people and roles first came.
function fillPeople(select, users) {
  const groups = [...new Set(users.map(groupOf))].map((name) => {
    const group = document.createElement("optgroup");
    group.label = name;
    const members = users.filter((user) => groupOf(user) === name);
    group.append(...members.map((user) => new Option(titleOf(user), user.user_id)));
    return group;
  });
  select.replaceChildren(...groups);
}

// Each phone starts with a person of another group, as long as there are enough groups.
function firstChoice(index, users) {
  const kept = users.find((user) => user.user_id === remembered().users?.[index]);
  const groups = [...new Set(users.map(groupOf))];
  return kept || users.find((user) => groupOf(user) === groups[index]) || users[0];
}

// Whether the platform answers at all: tests switch it, too.
function showOutage({ is_on: isOn }) {
  outage.checked = isOn;
  document.getElementById("still").hidden = !isOn;
}

async function refresh() {
  showOutage(await get("/outage"));
  const [{ users }, { apps }] = await Promise.all([get("/users?limit=500"), get("/apps")]);
  const official = apps.filter((app) => app.kind === "service_account");
  // Behind the official accounts: WeCom for its members, and the telephone's own text messages.
  const accounts = [...official, ...apps.filter((app) => ["work_app", "sms"].includes(app.kind))];
  desk.classList.toggle("empty", !users.length || !accounts.length);
  while (phones.length < Number(count.value)) phones.push(new Phone(desk, remember));
  while (phones.length > Number(count.value)) phones.pop().remove();
  if (!users.length || !accounts.length) return;
  // An open list must not be built anew under the finger, so only a change of people does it.
  const names = users.map((user) => user.user_id + user.name + user.role).join();
  phones.forEach((phone, index) => {
    if (phone.peopleShown !== names) fillPeople(phone.people, users);
    phone.peopleShown = names;
    phone.show(users.find((user) => user.user_id === phone.user?.user_id) || firstChoice(index, users), users, accounts);
  });
}

count.value = remembered().count || "2";
count.addEventListener("change", () => refresh().then(remember));
outage.addEventListener("change", () => put("/outage", { is_on: outage.checked }).then(showOutage));
await refresh();
// People and accounts are rare events: a slow look is enough.
setInterval(() => refresh().catch(() => {}), 5000);
