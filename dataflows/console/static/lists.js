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

  // Long lists of filters are folded where they would stand above the rows.
  if (matchMedia("(max-width: 1400px)").matches) {
    for (const group of document.querySelectorAll(".facets > details")) group.open = false;
  }
})();
