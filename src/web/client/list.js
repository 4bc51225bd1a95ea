/** The list of runs in a browser: filtered as one types, and read again while the page is seen. */

const searchField = /** @type {HTMLInputElement} */ (document.querySelector("input[type=search]"));
const list = /** @type {HTMLElement} */ (document.querySelector("#list"));

/** Milliseconds after the last key, and between two looks at the runs. */
const afterKey = 150;
const lookEvery = 5000;

/** Number of the newest request: a slow answer must not take the place of a later one. */
let newest = 0;

async function look() {
  newest += 1;
  const own = newest;
  const query = searchField.value.trim();
  const response = await fetch(`/list?q=${encodeURIComponent(query)}`).catch(() => null);
  if (own !== newest || response === null || !response.ok) {
    return;
  }
  const text = await response.text();
  if (own === newest && text !== list.innerHTML) {
    list.innerHTML = text;
  }
}

let typing = 0;
searchField.addEventListener("input", () => {
  clearTimeout(typing);
  typing = window.setTimeout(() => {
    const query = searchField.value.trim();
    history.replaceState(null, "", query === "" ? "/" : `/?q=${encodeURIComponent(query)}`);
    void look();
  }, afterKey);
});

setInterval(() => {
  if (!document.hidden) {
    void look();
  }
}, lookEvery);

export {};
