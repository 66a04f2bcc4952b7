// The palette: ctrl+k, a few letters, Enter. Places are read when it first opens; what is none of them is searched for.
"use strict";
(() => {
  const dialog = document.getElementById("palette");
  const text = document.getElementById("palette-text");
  const list = document.getElementById("palette-options");
  const find = document.getElementById("palette-find");
  if (!dialog || !text || !list || !find) return;
  let places = [];
  let at = 0;

  const folded = (words) => words.toLocaleLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const shown = () => places.filter((one) => !one.hidden);

  async function open() {
    if (dialog.open) { dialog.close(); return; }
    if (document.querySelector("dialog[open]")) return;
    dialog.showModal();
    text.value = "";
    text.focus();
    if (!places.length) {
      try {
        const answer = await fetch(dialog.dataset.places, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
        if (answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          list.replaceChildren(...page.querySelectorAll("[role=option]"));
          places = [...list.children];
          places.forEach((one, number) => { one.id = "place-" + number; });
        }
      } catch { /* the search goes on without them */ }
    }
    narrow();
  }

  function narrow() {
    const wanted = folded(text.value.trim()).split(/\s+/).filter(Boolean);
    for (const one of places) one.hidden = !wanted.every((word) => folded(one.textContent).includes(word));
    find.hidden = !wanted.length;
    list.hidden = !shown().length;
    choose(0);
  }

  function choose(number) {
    const all = shown();
    at = all.length ? (number + all.length) % all.length : 0;
    for (const one of places) one.setAttribute("aria-selected", String(one === all[at]));
    if (all.length) {
      text.setAttribute("aria-activedescendant", all[at].id);
      all[at].scrollIntoView({ block: "nearest" });
    } else text.removeAttribute("aria-activedescendant");
  }

  text.addEventListener("input", narrow);
  text.addEventListener("keydown", (event) => {
    const all = shown();
    if (event.key === "ArrowDown") choose(at + 1);
    else if (event.key === "ArrowUp") choose(at - 1);
    else if (event.key === "Enter" && all.length) all[at].click();
    else return;
    event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    open();
  });
  for (const opener of document.querySelectorAll("[data-palette]")) {
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      opener.closest("details")?.removeAttribute("open");
      open();
    });
  }
})();
