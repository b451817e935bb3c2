// A single-page app as people write them: no inline script, no inline style, one origin, JSON to /api/.
const find = (id) => document.getElementById(id);

function cookie(name) {
  const pair = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return pair ? pair.slice(name.length + 1) : "";
}

async function post(path, value, withToken) {
  const headers = { "Content-Type": "application/json" };
  if (withToken) headers["X-CSRF-Token"] = cookie("__Host-doorward_csrf");
  return fetch(path, { method: "POST", headers, body: JSON.stringify(value) });
}

function link(text, href) {
  const anchor = document.createElement("a");
  anchor.textContent = text;
  anchor.href = href;
  return anchor;
}

async function showState() {
  const me = await fetch("/api/auth/me");
  const isSignedIn = me.status === 200;
  find("note").hidden = !isSignedIn;
  find("state").textContent = isSignedIn ? `Signed in as ${(await me.json()).email}` : "Signed out";
  find("account").replaceChildren(isSignedIn ? link("Account", "/account/") : link("Sign in", "/account/sign-in"));
}

async function showIdentity() {
  const fields = await (await fetch("/api/whoami")).json();
  const rows = Object.entries(fields).sort().flatMap(([name, value]) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  });
  find("identity").replaceChildren(...rows);
}

async function add(withToken) {
  const reply = await post("/api/notes", { text: find("text").value }, withToken);
  const body = await reply.json();
  find("answer").textContent = `${reply.status}: ${body.detail ?? `arrived ${body.arrived}`}`;
}

find("note").addEventListener("submit", (event) => {
  event.preventDefault();
  add(true);
});
find("forge").addEventListener("click", () => add(false));
showState();
showIdentity();
