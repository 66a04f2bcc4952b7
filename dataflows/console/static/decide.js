// Decisions in place: what a link or the bar of chosen rows asks is answered in a dialog over the page, what became of it at its foot.
// Without this script the same links and forms lead to pages of their own.
"use strict";
(() => {
  const desk = document.getElementById("desk");
  const inside = document.getElementById("desk-in");
  const told = document.getElementById("told");
  if (!desk || !inside || !told || !window.htmx) return;
  // What has no fields is sent by one press; it can be looked at and undone where it is told.
  const AT_ONCE = ["acknowledge", "take"];
  let place = null;

  function ask(link) {
    const url = new URL(link.href);
    const asked = { source: link, target: inside };
    if (AT_ONCE.includes(link.dataset.do)) {
      asked.values = { ...Object.fromEntries(url.searchParams), step: "send" };
      window.htmx.ajax("POST", url.pathname, asked);
    } else if (link.dataset.of) {
      asked.values = { of: link.dataset.of };
      window.htmx.ajax("POST", url.pathname, asked);
    } else {
      window.htmx.ajax("GET", url.pathname + url.search, asked);
    }
  }

  function stood() {
    const row = place && document.getElementById(place);
    const link = row && (row.querySelector("a[href]") || row);
    (link || document.getElementById("main")).focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const closes = event.target.closest("[data-closes]");
    if (closes && desk.contains(closes)) {
      event.preventDefault();
      desk.close();
    } else if (closes && told.contains(closes)) {
      event.preventDefault();
      told.replaceChildren();
      stood();
    }
    const link = event.target.closest("a[data-do]");
    if (!link) return;
    event.preventDefault();
    if (!link.classList.contains("htmx-request")) ask(link);
  });

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-row][id]");
    if (row) place = row.id;
  });

  // A refusal is read like any other answer: it has the form again, with what is wrong.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target } = event.detail;
    if (target !== inside && target !== told) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (target === told) {
      if (desk.open) desk.close();
    } else if (target === inside) {
      if (!desk.open) desk.showModal();
      if (!inside.contains(document.activeElement)) {
        (inside.querySelector(".field input, .field select, fieldset input, textarea, button") || desk).focus();
      }
    }
  });

  // The browser gives the focus back to what had it, unless that has been replaced meanwhile.
  desk.addEventListener("close", () => {
    inside.replaceChildren();
    if (document.activeElement === document.body) stood();
  });
})();
