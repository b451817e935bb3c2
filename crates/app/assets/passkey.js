// Passkeys. Browsers hand them out to script alone, so this is the one thing that these pages cannot do without it. Each place where a
// passkey may be used or made is hidden until this file finds that the browser can.
{
  const bytesOf = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
  };
  const textOf = (buffer) => {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  const named = (list) => (list || []).map((entry) => ({ ...entry, id: bytesOf(entry.id) }));

  function toCreate(options) {
    const { publicKey: json = options } = options;
    if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
    const user = { ...json.user, id: bytesOf(json.user.id) };
    return { ...json, challenge: bytesOf(json.challenge), user, excludeCredentials: named(json.excludeCredentials) };
  }

  function toGet(options) {
    const { publicKey: json = options } = options;
    if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
    return { ...json, challenge: bytesOf(json.challenge), allowCredentials: named(json.allowCredentials) };
  }

  // By hand: what extensions put in the place of the browser's own passkeys does not always know `toJSON`.
  function toJson(credential) {
    const { id, type, rawId, response } = credential;
    const parts = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) parts[name] = textOf(response[name]);
    }
    if (response.getTransports) parts.transports = response.getTransports();
    return { id, type, rawId: textOf(rawId), response: parts, clientExtensionResults: credential.getClientExtensionResults() };
  }

  // `told` when the answer was an answer, so that what failed can be said in better words than the browser's.
  class Refused extends Error {
    constructor(status, detail) {
      super(detail);
      this.told = { status, detail };
    }
  }

  async function post(path, body, token) {
    const headers = { "Content-Type": "application/json" };
    if (token) headers["X-CSRF-Token"] = token;
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
    const json = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(answer.status, json.detail || "");
    return json;
  }

  function words(error) {
    if (!error.told) {
      if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
      return error.name === "NotAllowedError" ? "Nothing was chosen, or it took too long." : "That did not work. Please try again.";
    }
    if (error.told.status === 429) return "Too many attempts. Please wait a little and try again.";
    if (error.told.status === 409) return "There is no room for another passkey.";
    if (error.told.status >= 500) return "Something on our side does not answer. Please try again in a moment.";
    if (error.told.status === 422) return "A name has 1 to 60 characters.";
    return "This passkey was not accepted.";
  }

  const leadToStepUp = (error) => {
    if (!error.told || error.told.detail !== "Step-up required") return false;
    location.assign("/account/step-up?next=" + encodeURIComponent(location.pathname));
    return true;
  };

  // What waits for the browser: only one at a time may, so whoever begins ends the other.
  let waiting = null;
  const begin = () => {
    if (waiting) waiting.abort();
    waiting = new AbortController();
    return waiting.signal;
  };

  async function ask(path, token, mediation) {
    const signal = begin();
    const { challenge, options } = await post(path, {}, token);
    const credential = await navigator.credentials.get({ publicKey: toGet(options), mediation, signal });
    return { challenge, credential: toJson(credential) };
  }

  const USES = {
    "sign-in": async (box, mediation) => {
      const answer = await ask("/api/auth/passkey/options", null, mediation);
      const remember = document.getElementById("remember");
      await post("/api/auth/passkey/login", { ...answer, remember: Boolean(remember && remember.checked) });
      location.assign(box.dataset.next);
    },
    second: async (box) => {
      await post("/api/auth/login/second-factor", await ask("/api/auth/passkey/options"));
      location.assign(box.dataset.next);
    },
    "step-up": async (box) => {
      const { token } = box.dataset;
      await post("/api/auth/step-up", await ask("/api/auth/step-up/options", token), token);
      location.assign(box.dataset.next);
    },
    enrol: async (box) => {
      const { token } = box.dataset;
      const { enrolment, options } = await post("/api/auth/factors/passkey/options", {}, token);
      const credential = await navigator.credentials.create({ publicKey: toCreate(options), signal: begin() });
      const name = box.elements.name.value;
      const made = await post("/api/auth/factors/passkey", { enrolment, name, credential: toJson(credential) }, token);
      if (made.recovery_codes) showCodes(made.recovery_codes);
      else location.assign("/account/factors?done=added");
    },
  };

  async function run(box, mediation) {
    const said = box.querySelector("[role=status]");
    const button = box.querySelector("button");
    if (!mediation) button.disabled = true;
    said.textContent = "";
    try {
      await USES[box.dataset.passkey](box, mediation);
    } catch (error) {
      // Whoever chose nothing from a list that came by itself has not asked for anything.
      const isSilent = error.name === "AbortError" || (mediation && !error.told);
      if (!isSilent && !leadToStepUp(error)) said.textContent = words(error);
    }
    if (!mediation) button.disabled = false;
  }

  // A passkey may be offered where the address is typed. It is asked for when somebody goes there, and again when the challenge grows old.
  async function offerByItself(box) {
    const field = document.querySelector("input[autocomplete~=webauthn]");
    const can = PublicKeyCredential.isConditionalMediationAvailable;
    if (!field || !can || !(await can.call(PublicKeyCredential))) return;
    let asked = -Infinity;
    const offer = () => {
      if (performance.now() - asked < 240000 || box.querySelector("button").disabled) return;
      asked = performance.now();
      run(box, "conditional");
    };
    field.addEventListener("focus", offer);
    if (document.activeElement === field) offer();
  }

  function addSaving(list) {
    const text = [...list.children].map((item) => item.textContent.trim()).join("\n") + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = list.dataset.file || "recovery codes.txt";
    link.textContent = "Save them as a file";
    const box = document.createElement("p");
    box.append(link);
    list.after(box);
  }

  function showCodes(codes) {
    const made = document.getElementById("codes-made").content.cloneNode(true);
    const list = made.querySelector(".codes");
    for (const code of codes) {
      const item = document.createElement("li");
      item.textContent = code;
      list.append(item);
    }
    const main = document.getElementById("main");
    main.replaceChildren(made);
    addSaving(list);
    main.focus();
  }

  document.querySelectorAll(".codes").forEach(addSaving);
  if (window.PublicKeyCredential && navigator.credentials) {
    for (const box of document.querySelectorAll("[data-passkey]")) {
      box.hidden = false;
      if (box.tagName === "FORM") {
        box.addEventListener("submit", (event) => {
          event.preventDefault();
          run(box);
        });
      } else {
        box.querySelector("button").addEventListener("click", () => run(box));
      }
      if (box.dataset.passkey === "sign-in") offerByItself(box).catch(() => {});
    }
  }
}
