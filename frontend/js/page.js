// What signed-in pages do beyond plain HTML. Every page works without this file.
// Hooks: data-keys="off" on <html> · data-key="g d" on a link · data-keys-help on a <dialog> and [data-keys-open] on
// what opens it · data-busy="Saving…" on a submit button · data-copy="text" on a button, whose word
// is its text or a [data-copy-said] inside it ·
// data-toast[data-seconds] with a [data-toast-close] button · data-error-summary · details[data-menu]

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const busy = (form) => all("button:not([type=button]), input[type=submit]", form);

// One press, one request. The form is marked, not disabled: a disabled button would not send its own value.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog" || event.defaultPrevented) return;
  if (form.ariaBusy === "true") return event.preventDefault();
  form.ariaBusy = "true";
  const button = event.submitter;
  if (button?.dataset.busy) {
    button.dataset.idle = button.textContent;
    button.textContent = button.dataset.busy;
  }
  setTimeout(() => busy(form).forEach((button) => button.setAttribute("aria-disabled", "true")));
});

// A page that comes back from the history is not busy any more.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  all("form[aria-busy]").forEach((form) => {
    form.ariaBusy = null;
    busy(form).forEach((button) => {
      button.removeAttribute("aria-disabled");
      if (button.dataset.idle) button.textContent = button.dataset.idle;
    });
  });
});

const menus = () => all("details[data-menu][open]");
addEventListener("click", (event) => {
  menus().forEach((menu) => menu.contains(event.target) || (menu.open = false));
});
addEventListener("focusin", (event) => {
  menus().forEach((menu) => menu.contains(event.target) || (menu.open = false));
});

let typed = "";
let forget;
const help = () => document.querySelector("dialog[data-keys-help]");
addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (key === "Escape") {
    menus().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }
  const other = event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented;
  if (other || key.length !== 1 || document.documentElement.dataset.keys === "off") return;
  if (target.closest?.("input, textarea, select, [contenteditable], dialog[open]")) return;
  if (key === "?") {
    if (help()) event.preventDefault();
    return help()?.showModal();
  }
  clearTimeout(forget);
  forget = setTimeout(() => (typed = ""), 1000);
  typed = typed === "g" ? "g " + key.toLowerCase() : key.toLowerCase();
  const link = document.querySelector(`[data-key="${CSS.escape(typed)}"]`);
  if (link) {
    event.preventDefault();
    typed = "";
    link.click();
  }
});

const copied = async (button) => {
  const word = button.querySelector("[data-copy-said]") ?? button;
  const before = word.textContent;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    said = "Press Ctrl C";
    getSelection().selectAllChildren(button.parentElement.querySelector("code") ?? button);
  }
  word.textContent = said;
  setTimeout(() => (word.textContent = before), 2000);
};
addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (!button) return;
  if ("copy" in button.dataset) copied(button);
  if ("keysOpen" in button.dataset) help()?.showModal();
  if ("toastClose" in button.dataset) button.closest("[data-toast]").remove();
});

// A toast stays while it is pointed at or holds the focus.
all("[data-toast][data-seconds]").forEach((toast) => {
  let timer;
  const stop = () => clearTimeout(timer);
  const run = () => {
    stop();
    timer = setTimeout(() => toast.remove(), toast.dataset.seconds * 1000);
  };
  ["pointerenter", "focusin"].forEach((kind) => toast.addEventListener(kind, stop));
  ["pointerleave", "focusout"].forEach((kind) => toast.addEventListener(kind, run));
  run();
});

document.querySelector("[data-error-summary]")?.focus();

// The server writes times in this zone.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
document.cookie = `time_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
