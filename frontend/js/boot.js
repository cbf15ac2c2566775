// Wakes the islands of a page. Written against Leptos 0.8.23; look again at each upgrade. The contract:
// - an island is a `leptos-island` whose `data-component` names an export of the glue module, called with the element;
// - an island's children stand in a `leptos-children`; an island inside them first calls the nearest such element's
//   `$$on_hydrate`, if its owner has set it, so that it finds its owner's context;
// - parents wake before children, one at a time; `hydrate` runs once before any of them.
// The glue and the wasm are named by `data-module` and `data-wasm` of this script's own tag.
const { module, wasm } = document.querySelector("script[data-module][data-wasm]").dataset;

const wake = async (node, exports, owner) => {
  if (node.localName === "leptos-island") {
    const island = exports[node.dataset.component];
    if (island) {
      owner?.$$on_hydrate?.();
      await island(node);
    } else {
      console.error(`No island named ${node.dataset.component}: build the assets and the server from one source.`);
    }
  }
  const inner = node.localName === "leptos-children" ? node : owner;
  for (const child of node.children) await wake(child, exports, inner);
};

const start = async () => {
  const exports = await import(module);
  await exports.default({ module_or_path: wasm });
  exports.hydrate();
  await wake(document.body, exports);
  document.documentElement.dataset.islands = "awake";
};

// A page that is never idle still gets its islands.
if (window.requestIdleCallback) requestIdleCallback(start, { timeout: 2000 });
else setTimeout(start);
