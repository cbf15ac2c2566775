import { HtmlValidate } from "html-validate";

const validator = new HtmlValidate({
  root: true,
  extends: ["html-validate:recommended"],
  rules: {
    // Leptos templates begin with a small `<!doctype html>`; case means nothing there.
    "doctype-style": "off",
    // Roles on stacked tables give back what `display: block` takes from the accessibility tree of some browsers.
    "no-redundant-role": "off",
    // The palette is a field with a list of suggestions (ARIA Authoring Practices), which no native element is. A region
    // around a wide table takes the focus so that arrow keys scroll it; it has no heading to make it a section.
    "prefer-native-element": ["error", { exclude: ["listbox", "region"] }],
    // The output of commands is shown as it came.
    "no-trailing-whitespace": "off",
    // Checkboxes that share a name are one list, as radio buttons are.
    "form-dup-name": ["error", { shared: ["radio", "checkbox", "button", "submit"] }],
  },
  elements: [
    "html5",
    {
      // What Leptos puts around an island and its children. Both are unknown elements to a browser, laid out as if they
      // were not there (`display: contents`).
      "leptos-island": { flow: true, phrasing: true, permittedContent: ["@flow"] },
      "leptos-children": { flow: true, phrasing: true, permittedContent: ["@flow"] },
    },
  ],
});

/** What is wrong with a document as the server sent it: one line for each fault, with the place. */
export async function faults(html, name) {
  const report = await validator.validateString(html, name);
  return report.results.flatMap((result) =>
    result.messages.map((one) => `${one.line}:${one.column} ${one.ruleId}: ${one.message} (${one.selector ?? ""})`),
  );
}
