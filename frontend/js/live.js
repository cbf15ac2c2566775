// Keeps a page up to date from one event stream. Without this file the page is a snapshot with a link to refresh it.
// Hooks: [data-live="url"][data-after][data-now] · #live[data-state] with [data-live-word] · #live-said (a status) ·
// #stream[data-show] with .entry children · #follow[hidden] with [data-follow] · a[data-filter] ·
// time[data-since], time[data-until]
// Events entry, patch, state: {target, place: append|prepend|replace, html, say?} or a list of them. The HTML is ours:
// rendered by the server that rendered the page. Event resync: what was missed is gone, the page is loaded again.
// Event end: nothing more will happen.

const root = document.querySelector("[data-live]");
const id = (name) => document.getElementById(name);
const skew = Date.parse(root.dataset.now) - Date.now() || 0;
let after = root.dataset.after;
let source;
let queue = [];
let late = [];
let unseen = 0;
let unsaid = 0;
let following = atEnd();
let timer;

function atEnd() {
  const { scrollHeight, scrollTop, clientHeight } = document.scrollingElement;
  return scrollHeight - scrollTop - clientHeight < 80;
}

const indicate = (state, word) => {
  const sign = id("live");
  if (!sign || sign.dataset.state === state) return;
  sign.dataset.state = state;
  sign.querySelector("[data-live-word]").textContent = word;
};

const say = (words) => {
  const status = id("live-said");
  if (status && words) status.textContent = words;
};

// Parts within a part, by the nearest id around them and their order in there: cards change places.
const parts = (within, kind) => {
  const counts = {};
  return new Map([...within.querySelectorAll(kind)].map((part) => {
    const owner = part.closest("[id]")?.id ?? "";
    counts[owner] = (counts[owner] ?? 0) + 1;
    return [`${owner} ${counts[owner]}`, part];
  }));
};

// What a person has unfolded stays so.
const carryOver = (old, node) => {
  const folds = parts(node, "details");
  parts(old, "details").forEach((fold, key) => fold.open && folds.has(key) && (folds.get(key).open = true));
};

// What a person stands on keeps the focus, also when it goes to another part and comes there with a later change.
const STOPS = "a, button, summary, select, input";
const stopsOf = (owner) => [owner, ...owner.querySelectorAll(STOPS)].filter((stop) => stop === owner || stop.closest("[id]") === owner);
let lost;
const standing = () => {
  const stop = document.activeElement?.closest(STOPS);
  const owner = stop?.closest("[id]");
  return owner && { owner: owner.id, number: stopsOf(owner).indexOf(stop) };
};
const standAgain = (stood) => {
  if (!stood || document.activeElement !== document.body) return undefined;
  const owner = id(stood.owner);
  const stop = owner && stopsOf(owner)[stood.number];
  stop?.focus({ preventScroll: true });
  return stop ? undefined : stood;
};
["focusin", "pointerdown"].forEach((kind) => addEventListener(kind, () => (lost = undefined)));

// An element that is there already is replaced where it stands, wherever it was meant to go: nothing shows twice.
const place = (change) => {
  const { target, place: where, html, say: words } = change;
  const mould = document.createElement("template");
  mould.innerHTML = html;
  for (const node of [...mould.content.children]) {
    const old = (node.id && id(node.id)) || (where === "replace" && id(target));
    if (old) {
      if (old.isEqualNode(node)) continue;
      // Words that somebody is typing into a form, and a dialog that they read, are worth more than the newest look.
      const field = document.activeElement;
      const typing = old.contains(field) && field.matches("textarea, input, select") && field.value;
      if (typing || old.querySelector("dialog:popover-open")) {
        late.push(change);
        continue;
      }
      carryOver(old, node);
      old.replaceWith(node);
    } else if (where !== "replace") {
      id(target)?.[where === "prepend" ? "prepend" : "append"](node);
      if (target === "stream") {
        unseen += 1;
        unsaid += 1;
      }
    }
  }
  say(words);
};

const toEnd = () => {
  const page = document.scrollingElement;
  page.scrollTop = page.scrollHeight;
  return page.scrollTop;
};
const follow = () => {
  const button = id("follow");
  if (following) {
    unseen = 0;
    const reached = toEnd();
    // Entries out of sight have a guessed height; once in sight they have their own.
    requestAnimationFrame(() => document.scrollingElement.scrollTop >= reached && toEnd());
  }
  if (button) {
    button.hidden = unseen === 0;
    button.querySelector("span").textContent = `${unseen} new`;
  }
};

// Between press and release nothing is exchanged: what a person has hold of would be gone, and the click with it.
let pressed = false;
addEventListener("pointerdown", () => (pressed = true));
["pointerup", "pointercancel", "dragend", "blur"].forEach((kind) => addEventListener(kind, () => (pressed = false)));

const draw = () => {
  // A card in somebody's hand stays where it is.
  if (pressed || document.querySelector("[data-lifted]")) return setTimeout(draw, 300);
  const batch = [...late, ...queue];
  late = [];
  queue = [];
  following = atEnd();
  const stood = standing() ?? lost;
  batch.forEach(place);
  lost = standAgain(stood);
  if (id("stream") && (following || unseen)) follow();
};

const take = (event) => {
  if (event.lastEventId) after = event.lastEventId;
  if (!queue.length) requestAnimationFrame(draw);
  const came = performance.now();
  queue.push(...[JSON.parse(event.data)].flat().map((change) => ({ ...change, came })));
};

// A part of the page that was drawn by other means: what came for it before that was asked for is older.
addEventListener("drawn", ({ detail: { part, asked } }) => {
  const newer = ({ target, came }) => came > asked || !part.contains(id(target));
  queue = queue.filter(newer);
  late = late.filter(newer);
});

const open = () => {
  clearTimeout(timer);
  if (source) return;
  source = new EventSource(after ? `${root.dataset.live}?after=${encodeURIComponent(after)}` : root.dataset.live);
  source.onopen = () => indicate("live", "Live");
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) {
      // The server refused: signed out, or no longer a member. Asking again in a while is enough.
      close();
      timer = setTimeout(open, 15000);
    }
    if (navigator.onLine) indicate("delayed", "Delayed, connecting");
    else indicate("offline", "Offline");
  };
  ["entry", "patch", "state"].forEach((name) => source.addEventListener(name, take));
  source.addEventListener("resync", () => location.reload());
  source.addEventListener("end", () => {
    close();
    indicate("still", "Up to date");
  });
};

const close = () => {
  source?.close();
  source = undefined;
};

// Browsers allow few connections to a host; a tab that nobody looks at gives its own back after a minute.
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) timer = setTimeout(close, 60000);
  else open();
});
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && open());
addEventListener("offline", () => indicate("offline", "Offline"));
addEventListener("online", () => {
  close();
  open();
});

addEventListener("scroll", () => {
  following = atEnd();
  if (following && unseen) follow();
}, { passive: true });

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-follow]")) {
    following = true;
    follow();
  }
  const link = event.target.closest("a[data-filter]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { filter } = link.dataset;
  if (filter) id("stream").dataset.show = filter;
  else delete id("stream").dataset.show;
  document.querySelector("a[data-filter][aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  history.replaceState(null, "", link.href);
});

const clock = (milliseconds) => {
  const all = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
};

// A screen reader hears how much is new, at most every ten seconds, and not the gush itself.
setInterval(() => {
  if (unsaid) say(`${unsaid} new ${unsaid === 1 ? "entry" : "entries"}`);
  unsaid = 0;
}, 10000);

setInterval(() => {
  if (document.hidden) return;
  if (late.length && !queue.length) draw();
  const now = Date.now() + skew;
  document.querySelectorAll("time[data-since], time[data-until]").forEach((time) => {
    const { since, until } = time.dataset;
    time.textContent = clock(since ? now - Date.parse(since) : Date.parse(until) - now);
  });
}, 1000);

open();
