"use strict";

const byId = (id) => document.getElementById(id);

const cookie = (name) =>
  document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

function element(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

async function showAccount() {
  const response = await fetch("/api/auth/me");
  const me = response.ok ? await response.json() : null;
  byId("who").replaceChildren(
    ...(me
      ? [element("span", `Signed in as ${me.display_name || me.email}`), element("a", "Account", { href: "/account" })]
      : [
          element("span", "Signed out", { class: "muted" }),
          element("a", "Sign in", { href: "/account/sign-in?next=%2F" }),
          element("a", "Sign up", { href: "/account/sign-up", class: "primary" }),
        ]),
  );
}

async function showSeen() {
  const response = await fetch("/api/demo/seen");
  const { headers } = await response.json();
  const isOurs = (name) => name.startsWith("x-doorward-") || name.startsWith("x-forwarded-");
  const sorted = headers.toSorted(([a], [b]) => isOurs(b) - isOurs(a) || a.localeCompare(b));
  const rows = sorted.flatMap(([name, value]) => {
    const ours = isOurs(name);
    const shown = value.length > 72 ? `${value.slice(0, 72)}…` : value;
    return [element("dt", name, ours ? { class: "ours" } : {}), element("dd", shown)];
  });
  byId("seen").replaceChildren(...rows);
}

async function sendNote(event) {
  event.preventDefault();
  const headers = { "content-type": "application/json" };
  if (event.submitter?.value !== "without") headers["x-csrf-token"] = cookie("__Host-doorward_csrf");
  const response = await fetch("/api/demo/notes", {
    method: "POST",
    headers,
    body: JSON.stringify({ text: byId("text").value }),
  });
  const answer = await response.json();
  const words = response.ok ? `the API has it: “${answer.text}”, note ${answer.count}` : `the door says: ${answer.detail}`;
  byId("answer").textContent = `${response.status} · ${words}`;
  byId("answer").className = `answer ${response.ok ? "good" : "bad"}`;
}

byId("see").addEventListener("click", showSeen);
byId("note").addEventListener("submit", sendNote);
showAccount();
showSeen();
