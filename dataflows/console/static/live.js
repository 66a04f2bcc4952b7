// Pages that follow changes: <main data-live=URL>. Rows never move: a bar says what is new, values change where they stand.
"use strict";
(() => {
  const main = document.querySelector("main[data-live]");
  const live = document.getElementById("live");
  if (!main || !live || !window.EventSource) return;
  const text = live.dataset;
  const bar = document.getElementById("live-bar");
  const count = document.getElementById("live-count");
  const stale = document.getElementById("live-stale");
  const said = document.getElementById("live-said");
  const pause = document.getElementById("live-pause");
  const SILENCE = 10000, HIDDEN = 20000, PAUSE = 2000, SETTLED = 4000;
  // A page whose rows are no cases is read anew after any change, and once more when the engine has been asked meanwhile.
  const reread = "reread" in main.dataset;
  const fresh = new Set(), altered = new Set(), left = new Set();
  let position = text.position, source = null, timer = 0, hiding = 0, wait = 1000, retry = 0;
  let whole = false, fetching = false, again = false, late = false, fetched = 0;
  const more = { new: 0, changed: 0, gone: 0 };
  let paused = text.paused === "yes";

  const row = (id) => document.getElementById("x-" + id) || document.getElementById("a-" + id);
  const newer = (element, number) => Number(element.dataset.sequence || 0) < number;
  const filled = (words, number) => words.replace("#", number.toLocaleString(document.documentElement.lang));

  function connect() {
    clearTimeout(retry);
    if (source) source.close();
    const url = new URL(main.dataset.live, location.href);
    if (position) url.searchParams.set("since", position);
    source = new EventSource(url);
    const listen = (name, act) => source.addEventListener(name, (event) => {
      position = event.lastEventId || position;
      alive();
      act(JSON.parse(event.data));
    });
    listen("changed", changed);
    listen("standing", standing);
    listen("beat", () => {});
    listen("ended", () => { close(); show(stale, text.ended); });
    source.onopen = () => { wait = 1000; };
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) {
        retry = setTimeout(connect, wait * (0.75 + Math.random() / 2));
        wait = Math.min(wait * 2, 30000);
      }
    };
    watch();
  }

  function close() {
    clearTimeout(timer);
    clearTimeout(retry);
    if (source) source.close();
    source = null;
  }

  // A connection that nobody has closed may be dead all the same: what says nothing is asked for anew.
  function watch() {
    clearTimeout(timer);
    timer = setTimeout(() => { late = true; show(stale, text.lost); connect(); }, SILENCE);
  }

  function alive() {
    watch();
    if (!late) return;
    late = false;
    stale.hidden = true;
    said.textContent = text.back;
  }

  function show(element, words) {
    element.textContent = words;
    element.hidden = false;
  }

  function changed(data) {
    if (reread) {
      for (const [id] of [...data.new, ...data.changed, ...data.gone]) altered.add(id);
      setTimeout(() => paused || soon(), SETTLED);
      if (!paused) tell();
      return;
    }
    for (const [id, number] of data.new) {
      const there = row(id);
      if (!there) { fresh.add(id); left.delete(id); } else if (newer(there, number)) altered.add(id);
    }
    for (const [id, number] of data.changed) {
      const there = row(id);
      if (there && newer(there, number)) altered.add(id);
    }
    for (const [id, number] of data.gone) {
      if (fresh.delete(id)) continue;
      const there = row(id);
      if (there && newer(there, number)) left.add(id);
    }
    for (const name of Object.keys(more)) more[name] += data.more[name];
    whole = whole || !data.complete;
    if (!paused) tell();
  }

  function tell() {
    for (const id of left) {
      const there = row(id);
      if (there && !there.classList.contains("left")) {
        there.classList.add("left");
        const mark = document.createElement("span");
        mark.className = "pill";
        mark.textContent = text.left;
        (there.querySelector("th, td:nth-of-type(2), td") || there).append(" ", mark);
      }
    }
    const parts = [[fresh.size + more.new, text.new], [altered.size + more.changed, text.changed], [left.size + more.gone, text.gone]]
      .filter(([number]) => number).map(([number, words]) => filled(words, number));
    const words = whole ? text.whole : parts.join(", ");
    if (words && words !== count.textContent) count.textContent = words;
    bar.hidden = !words;
    if (altered.size) soon();
  }

  function soon() {
    if (fetching) { again = true; return; }
    fetching = true;
    setTimeout(refresh, Math.max(50, fetched + PAUSE - Date.now()));
  }

  // The page is asked for again, and what has another number stands anew where it was.
  async function refresh() {
    fetched = Date.now();
    again = false;
    try {
      const answer = await fetch(location.href, { headers: { "Orderwatch-Live": "1" }, credentials: "same-origin" });
      if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the stream says that the connection is lost */ }
    fetching = false;
    if (again) soon();
  }

  function replace(page) {
    let many = 0;
    for (const old of main.querySelectorAll("[id][data-sequence]")) {
      const now = page.getElementById(old.id);
      if (!now || now.dataset.sequence === old.dataset.sequence || typing(old)) continue;
      const box = old.querySelector("input[type=checkbox]:checked") !== null;
      const held = old.contains(document.activeElement) ? document.activeElement : null;
      const place = held && [...old.querySelectorAll("a, button, input, summary")].indexOf(held);
      old.replaceChildren(...now.childNodes);
      old.dataset.sequence = now.dataset.sequence;
      const fresh_ = old.querySelector("input[type=checkbox]");
      if (box && fresh_) fresh_.checked = true;
      if (held) ([...old.querySelectorAll("a, button, input, summary")][place] || old).focus({ preventScroll: true });
      if (window.htmx) window.htmx.process(old);
      old.classList.add("altered");
      many += 1;
    }
    if (many) said.textContent = filled(text.updated, many);
  }

  const typing = (element) => {
    const held = document.activeElement;
    return element.contains(held) && held.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
  };

  // What the page was made with keeps its room, also when it is over; what is new stands over the page. So no row moves.
  function standing(lines) {
    const place = document.getElementById("standing");
    place.style.minHeight = `${place.offsetHeight}px`;
    const before = [...place.children];
    const fresh = [];
    for (const line of lines) {
      const made = document.createElement("p");
      made.className = "banner " + line.kind;
      made.append(line.text);
      if (line.route === "feeds" && text.feeds) {
        const link = document.createElement("a");
        link.href = text.feeds;
        link.textContent = text.more;
        made.append(" ", link);
      }
      const at = before.findIndex((one) => one.className === made.className);
      if (at < 0) { fresh.push(made); continue; }
      const [there] = before.splice(at, 1);
      there.style.visibility = "";
      if (there.textContent.trim() !== made.textContent.trim()) there.replaceChildren(...made.childNodes);
    }
    for (const over of before) over.style.visibility = "hidden";
    document.getElementById("live-standing").replaceChildren(...fresh);
  }

  function rest(now) {
    paused = now;
    const button = pause.querySelector("button");
    button.setAttribute("aria-pressed", String(paused));
    pause.elements.paused.value = paused ? "no" : "yes";
    bar.hidden = bar.hidden || paused;
    if (!paused) tell();
  }

  // What somebody has decided here is shown at once where it stands, also while updates rest.
  document.addEventListener("orderwatch-spoken", soon);
  pause.hidden = false;
  pause.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(pause);
    rest(!paused);
    await fetch(pause.action, { method: "POST", body: form, redirect: "manual", credentials: "same-origin" }).catch(() => {});
  });
  // Browsers hold few connections to one server: a page that nobody looks at gives its own back.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN);
    else if (!source) connect();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  connect();
})();
