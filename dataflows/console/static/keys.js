// Keys of the console. Links and buttons say by data-key which key presses them; rows have data-row.
"use strict";
(() => {
  const body = document.body;
  const single = () => body.dataset.keys === "on";
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
  const current = () => document.querySelector("[data-row][data-current]");
  const typing = (element) => element.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") !== null;
  let anchor = null;

  // After `g` the places show their keys until one is pressed, however long that takes: nobody is hurried (WCAG 2.2.1).
  const going = () => "going" in body.dataset;
  function go(on) {
    if (on) body.dataset.going = "";
    else delete body.dataset.going;
    return on;
  }

  function stand(row) {
    for (const other of document.querySelectorAll("[data-row][data-current]")) {
      delete other.dataset.current;
    }
    row.dataset.current = "";
    const target = row.querySelector("a[href]") || row;
    if (target === row) row.tabIndex = -1;
    target.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  function move(by) {
    const all = rows();
    if (!all.length) return false;
    const at = all.indexOf(current());
    stand(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)]);
    return true;
  }

  function mark(row, on) {
    const box = row.querySelector("input[type=checkbox]");
    if (!box || box.disabled) return false;
    if (box.checked !== on) box.click();
    return true;
  }

  function select(range) {
    const row = current();
    const box = row && row.querySelector("input[type=checkbox]");
    if (!box) return false;
    const all = rows();
    if (!range || !anchor || !all.includes(anchor)) {
      anchor = row;
      return mark(row, !box.checked);
    }
    const [from, to] = [all.indexOf(anchor), all.indexOf(row)].sort((a, b) => a - b);
    for (const one of all.slice(from, to + 1)) mark(one, true);
    return true;
  }

  // What a key presses: while rows are selected, what acts on all of them; else what is within the row that one stands on, then on the page.
  function target(key) {
    const wanted = `[data-key="${CSS.escape(key)}"]`;
    const shown = (one) => !one.disabled && one.getClientRects().length > 0;
    const outside = [...document.querySelectorAll(wanted)].filter((one) => !one.closest("[data-row]") && shown(one));
    const form = document.getElementById("bulk");
    if (form && document.querySelector("[data-row] input[type=checkbox]:checked")) {
      const whole = outside.find((one) => form.contains(one) || one.form === form);
      if (whole) return whole;
    }
    const row = current();
    return (row && row.querySelector(wanted)) || outside[0] || null;
  }

  function press(element) {
    if (element.matches("input:not([type=checkbox]):not([type=submit]), textarea, select")) {
      element.focus();
      if (element.select) element.select();
    } else {
      element.click();
    }
    return true;
  }

  function help() {
    const dialog = document.getElementById("keys");
    if (!dialog || dialog.open) return false;
    dialog.showModal();
    return true;
  }

  function act(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (going()) {
      go(false);
      const place = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
      return place ? press(place) : false;
    }
    switch (key) {
      case "g": return go(true);
      case "?": return help();
      case "j": return move(1);
      case "k": return move(-1);
      case "x": return select(event.shiftKey);
      case "o": {
        const row = current();
        const link = row && (row.querySelector("[data-open]") || row.querySelector("a[href]"));
        return link ? press(link) : false;
      }
      default: {
        const found = target(event.shiftKey && /^[a-z]$/.test(key) ? `shift+${key}` : key);
        return found ? press(found) : false;
      }
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") go(false);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (!single() || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key.length !== 1) return;
    if (act(event)) event.preventDefault();
  });

  document.addEventListener("focusin", (event) => {
    if (typing(event.target)) go(false);
    const row = event.target.closest("[data-row]");
    if (row && row !== current()) {
      for (const other of document.querySelectorAll("[data-row][data-current]")) delete other.dataset.current;
      row.dataset.current = "";
    }
  });

  document.addEventListener("click", (event) => {
    go(false);
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    for (const menu of document.querySelectorAll("details.me[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  for (const opener of document.querySelectorAll("[data-opens]")) opener.hidden = false;

  // WCAG 2.2.1: two minutes before a session ends, say so and offer to stay. The server's clock counts: only differences are used.
  const WARN_MS = 120000;
  let warning = 0;
  let ending = 0;
  function watch() {
    const holder = document.getElementById("session");
    if (!holder) return;
    clearTimeout(warning);
    clearTimeout(ending);
    const left = Date.parse(holder.dataset.ends) - Date.parse(holder.dataset.now);
    const dialog = holder.querySelector("dialog");
    warning = setTimeout(() => dialog.open || dialog.showModal(), Math.max(left - WARN_MS, 0));
    ending = setTimeout(() => location.reload(), Math.max(left, 0) + 1000);
  }
  watch();
  document.addEventListener("htmx:afterSettle", watch);
})();
