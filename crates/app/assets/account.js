// Everything works without this file. With it, the code of a mail link moves from the address bar into its field,
// where neither history nor a shared screen keeps it, and a password can be looked at before it is sent.
"use strict";

function takeFragment() {
  const field = document.querySelector("[data-from-fragment]");
  const fragment = location.hash.slice(1);
  if (!field || fragment === "") return;
  const code = fragment.replace(/^(token|invitation)=/, "");
  if (!/^[A-Za-z0-9_-]{16,128}$/.test(code)) return;
  field.value = code;
  history.replaceState(null, "", location.pathname);
  const lead = document.getElementById("code-lead");
  if (lead) lead.textContent = lead.dataset.filled;
  const box = field.closest("details");
  if (box) box.open = true;
  const open = [...field.form.elements].find((part) => part.required && part.value === "");
  (open || field.form.querySelector("button[type=submit]")).focus();
}

function addReveal(field) {
  const button = document.createElement("button");
  const show = (visible) => {
    field.type = visible ? "text" : "password";
    button.textContent = visible ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(visible));
  };
  button.type = "button";
  button.className = "reveal";
  button.setAttribute("aria-controls", field.id);
  button.setAttribute("aria-label", "Show password");
  button.addEventListener("click", () => show(field.type === "password"));
  field.form.addEventListener("submit", () => show(false));
  const box = document.createElement("div");
  box.className = "with-reveal";
  field.replaceWith(box);
  box.append(field, button);
  show(false);
}

takeFragment();
addEventListener("hashchange", takeFragment);
document.querySelectorAll("input[type=password]").forEach(addReveal);
