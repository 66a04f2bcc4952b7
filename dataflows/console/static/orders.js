// Copy buttons for IDs, the list opened where a mark of the picture leads into it, and the whole page on paper. Without it texts can be selected, and the list opened by hand.
"use strict";
(() => {
  const list = document.getElementById("story-list");
  const open = () => {
    const place = location.hash && document.getElementById(location.hash.slice(1));
    if (list && place && (place === list || list.contains(place))) {
      list.open = true;
      place.scrollIntoView({ block: "center" });
    }
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => document.querySelectorAll("main details").forEach((one) => { one.open = true; }));
  if (!navigator.clipboard) return;
  const { wordsCopy: copy, wordsCopied: copied } = document.querySelector("[data-copy-words]")?.dataset ?? {};
  for (const place of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = copy ?? "Copy";
    button.setAttribute("aria-label", `${button.textContent} ${place.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(place.textContent.trim());
      button.textContent = copied ?? "Copied";
      setTimeout(() => { button.textContent = copy ?? "Copy"; }, 1500);
    });
    place.after(button);
  }
})();
