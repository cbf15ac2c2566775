// Moves cards of the board by dragging and by keys; every move posts the form that the card's menu has.
// Keys on a card's link: Space lifts, arrows choose the place, Space or Enter drops, Escape puts back.

const board = () => document.querySelector("[data-board]");
const say = (text) => (document.querySelector("#board-status").textContent = text);
const cardOf = (element) => element?.closest?.("[data-moves]");
const listOf = (card) => card.closest("[data-cards]");
const allowed = (card, list) => card.dataset.moves.split(" ").includes(list.dataset.cards);
const nameOf = (list) => list.closest("section").querySelector("h2").textContent;
const cardsOf = (list, but) => [...list.querySelectorAll("[data-card]")].filter((card) => card !== but);
let lifted;
// A move that the server has not answered yet; its card stays in the hand until then.
let saving = false;

const clear = () => {
  document.querySelectorAll("[data-drop]").forEach((item) => item.removeAttribute("data-drop"));
  document.querySelectorAll("[data-over]").forEach((column) => column.removeAttribute("data-over"));
};

// Marks the place: above the card at `index` of the list, or below the last one.
const mark = (list, index) => {
  clear();
  lifted.list = list;
  lifted.index = index;
  list.closest("section").dataset.over = "";
  const cards = cardsOf(list, lifted.card);
  const neighbour = cards[index] ?? cards.at(-1);
  if (neighbour && !("sorted" in board().dataset)) neighbour.parentElement.dataset.drop = cards[index] ? "before" : "after";
};

const lift = (card) => {
  const list = listOf(card);
  lifted = { card, list, index: [...list.children].indexOf(card.parentElement) };
  lifted.from = [list, lifted.index];
  card.dataset.lifted = "";
};

// Posts the move, and shows the board that the server answers with.
const save = async (card, list, place) => {
  const form = card.querySelector("form[data-move]");
  const body = new URLSearchParams({ to: list.dataset.cards, place, back: form.elements.back.value });
  const asked = performance.now();
  const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } }).catch(() => undefined);
  const text = await answer?.text().catch(() => undefined);
  const page = new DOMParser().parseFromString(text ?? "", "text/html");
  const next = page.querySelector("[data-board]");
  if (!answer?.ok || !next) return say(page.querySelector("main p")?.textContent ?? "Muster did not answer. Nothing was moved.");
  board().replaceWith(document.adoptNode(next));
  // What was on its way before the move is older than this board.
  dispatchEvent(new CustomEvent("drawn", { detail: { part: next, asked } }));
  say(`Moved to ${nameOf(document.querySelector(`[data-cards=${list.dataset.cards}]`))}.`);
  document.querySelector(`#${card.id} .card__title a`)?.focus();
};

const drop = async (keep) => {
  const { card, list, index, from } = lifted;
  lifted = undefined;
  clear();
  const sorted = "sorted" in board().dataset;
  if (!keep || (from[0] === list && (sorted || from[1] === index))) {
    delete card.dataset.lifted;
    return say("Put back.");
  }
  const cards = cardsOf(list, card);
  saving = true;
  await save(card, list, sorted ? "top" : cards[index] ? `before:${cards[index].dataset.task}` : "bottom");
  saving = false;
  delete card.dataset.lifted;
};

["pointerover", "pointerdown"].forEach((kind) => addEventListener(kind, (event) => {
  const card = cardOf(event.target);
  if (card) card.draggable = true;
}));
addEventListener("dragstart", (event) => {
  const card = cardOf(event.target);
  if (!card) return;
  if (saving) return event.preventDefault();
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", card.id);
  lift(card);
});
addEventListener("dragover", (event) => {
  const list = event.target.closest?.("[data-column]")?.querySelector("[data-cards]");
  if (!lifted || !list || !allowed(lifted.card, list)) return;
  event.preventDefault();
  const cards = cardsOf(list, lifted.card);
  const below = (card) => event.clientY < card.getBoundingClientRect().top + card.offsetHeight / 2;
  const index = cards.findIndex(below);
  mark(list, index < 0 ? cards.length : index);
});
addEventListener("drop", (event) => {
  if (!lifted) return;
  event.preventDefault();
  drop(true);
});
addEventListener("dragend", () => lifted && drop(false));

addEventListener("keydown", (event) => {
  const card = cardOf(event.target);
  const link = event.target.matches?.(".card__title a");
  if (!lifted && !(card && link && event.key === " ")) return;
  const moves = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (lifted && !moves && ![" ", "Enter", "Escape"].includes(event.key)) return;
  event.preventDefault();
  if (saving) return;
  if (!lifted) {
    lift(card);
    return say("Lifted. Choose a place with the arrows, drop with Space, put back with Escape.");
  }
  if (!moves) return drop(event.key !== "Escape");
  const lists = [...document.querySelectorAll("[data-cards]")].filter((list) => allowed(lifted.card, list));
  const list = lists[lists.indexOf(lifted.list) + moves[0]] ?? lifted.list;
  const most = cardsOf(list, lifted.card).length;
  mark(list, list === lifted.list ? Math.min(Math.max(lifted.index + moves[1], 0), most) : 0);
  list.closest("section").scrollIntoView({ block: "nearest", inline: "nearest" });
  say(`${nameOf(list)}, place ${lifted.index + 1} of ${most + 1}.`);
});
addEventListener("focusout", (event) => lifted && event.target.matches?.(".card__title a") && !lifted.card.draggable && drop(false));
