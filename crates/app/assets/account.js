// Everything works without this file. With it, the code of a mail link moves from the address bar into its field,
// where neither history nor a shared screen keeps it, a password can be looked at before it is sent, and a new one is estimated while it
// is typed. Nothing of it leaves this page before the form is sent; the server judges by longer lists.
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

const COMMON = ["password", "qwerty", "letmein", "welcome", "iloveyou", "dragon", "monkey", "football", "admin", "login", "summer", "winter"];
const KEYS = "1234567890 0987654321 qwertyuiop poiuytrewq asdfghjkl lkjhgfdsa zxcvbnm mnbvcxz abcdefghijklmnopqrstuvwxyz zyxwvutsrqponmlkjihgfedcba";

// About how many bits a guesser needs who knows the keyboard, a few common words and `own`; four letters and more
// count as parts of words.
function bitsOf(text, own) {
  const known = [...COMMON, ...own.filter((word) => word.length > 2)];
  const inWord = new Set();
  for (const run of text.matchAll(/\p{L}{4,}/gu)) {
    for (let at = run.index; at < run.index + run[0].length; at += 1) inWord.add(at);
  }
  let bits = 0;
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const word = known.find((entry) => rest.startsWith(entry));
    let length = 3;
    if (word) {
      bits += 4;
      at += word.length;
    } else if (rest.length >= 3 && (text.slice(0, at + 2).includes(rest.slice(0, 3)) || KEYS.includes(rest.slice(0, 3)))) {
      const source = KEYS.includes(rest.slice(0, 3)) ? () => KEYS : () => text.slice(0, at + length);
      while (length < rest.length && source().includes(rest.slice(0, length + 1))) length += 1;
      bits += 7;
      at += length;
    } else {
      const sign = rest[0];
      bits += /\p{L}/u.test(sign) ? (inWord.has(at) ? 2.4 : 4.7) : /\d/.test(sign) ? 3.3 : /[\s\-_.,]/.test(sign) ? 1 : 5;
      at += 1;
    }
  }
  return bits;
}

const STEPS = [
  [38, "weak", "Add words that have nothing to do with the others."],
  [50, "fair", "One more word would make it good."],
  [65, "good", ""],
  [Infinity, "strong", ""],
];

function addEstimate(field) {
  const hint = document.getElementById(field.getAttribute("aria-describedby"));
  if (!hint) return;
  const meter = document.createElement("meter");
  meter.max = 4;
  meter.setAttribute("aria-hidden", "true");
  const said = document.createElement("output");
  said.htmlFor = field.id;
  const box = document.createElement("p");
  box.className = "strength";
  box.hidden = true;
  box.append(meter, said);
  hint.after(box);
  const mailbox = field.form.querySelector("[autocomplete=username]");
  const show = () => {
    const text = field.value.normalize("NFKC").toLowerCase();
    const site = document.querySelector(".site a").textContent + " " + location.hostname;
    const own = (site + " " + (mailbox ? mailbox.value : "")).toLowerCase().split(/[^\p{L}\p{N}]+/u);
    const missing = field.minLength - [...field.value].length;
    const step = STEPS.findIndex(([least]) => bitsOf(text, own) < least);
    const [, name, advice] = STEPS[step];
    box.hidden = text === "";
    meter.value = missing > 0 ? 0.5 : step + 1;
    said.value = missing > 0 ? `${missing} more ${missing === 1 ? "character" : "characters"}` : `Looks ${name}. ${advice}`;
  };
  field.addEventListener("input", show);
  if (mailbox) mailbox.addEventListener("input", show);
}

takeFragment();
addEventListener("hashchange", takeFragment);
document.querySelectorAll("input[autocomplete=new-password]").forEach(addEstimate);
document.querySelectorAll("input[type=password]").forEach(addReveal);
