// Lists: the box in the head of a table chooses all rows of the page.
"use strict";
(() => {
  for (const all of document.querySelectorAll("[data-selects]")) {
    const boxes = () => [...all.closest("table").querySelectorAll("tbody input[type=checkbox]")];
    const tell = () => {
      const chosen = boxes().filter((box) => box.checked).length;
      all.checked = chosen > 0 && chosen === boxes().length;
      all.indeterminate = chosen > 0 && !all.checked;
    };
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes()) if (box.checked !== all.checked) box.click();
      tell();
    });
    all.closest("table").addEventListener("change", (event) => {
      if (event.target !== all) tell();
    });
    tell();
  }

  // Beside the rows there is room for more of the counts, on a phone for none.
  const wide = matchMedia("(min-width: 1701px)").matches;
  if (wide || matchMedia("(max-width: 760px)").matches) {
    for (const group of document.querySelectorAll(".facets > details")) {
      if (!wide || ["kind", "team"].includes(group.dataset.facet)) group.open = wide;
    }
  }
})();
