"use strict";
(function () {
  const words = JSON.parse(document.getElementById("rw-words").textContent);
  const main = document.getElementById("rendered_cells");
  const pages = () => Array.from(document.querySelectorAll(".rw-page"));
  const loading = document.getElementById("rw-loading");
  const once = (node, name, value) => {
    if (node.getAttribute(name) !== value) { node.setAttribute(name, value); }
  };

  // --- one page at a time, by its address --------------------------------------------------
  function show(moved) {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const known = pages().some((page) => page.dataset.page === wanted) ? wanted : "";
    pages().forEach((page) => { page.hidden = page.dataset.page !== known; });
    document.querySelectorAll(".rw-head nav a").forEach((link) => {
      if (link.dataset.page === known) { link.setAttribute("aria-current", "page"); }
      else { link.removeAttribute("aria-current"); }
    });
    const heading = document.querySelector(".rw-page:not([hidden]) h1");
    document.title = known && heading ? heading.textContent + " – " + words.title : words.title;
    if (moved && heading) { heading.focus(); window.scrollTo(0, 0); }
    if (known) { window.dispatchEvent(new Event("resize")); }
  }
  window.addEventListener("hashchange", () => {
    if (location.hash !== "#rendered_cells") { show(true); }
  });
  document.querySelector(".rw-skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });

  // --- what a screen reader hears ----------------------------------------------------------
  // A slider's handle is told neither its label nor its value in words.
  function nameSliders(box) {
    const label = box.querySelector(":scope > .widget-label");
    const readout = box.querySelector(":scope > .widget-readout");
    const handles = box.querySelectorAll(".noUi-handle");
    const said = readout ? readout.textContent.trim() : "";
    handles.forEach((handle, place) => {
      const end = handles.length > 1 ? ", " + (place ? words.high : words.low) : "";
      // The readout of two handles is "12 %-46 %"; the first sign may be a minus.
      const parts = (/^(.+?)\s*[-–]\s*(.+)$/.exec(said) || []).slice(1);
      if (label) { once(handle, "aria-label", label.textContent.trim() + end); }
      const value = handles.length > 1 && parts.length > 1 ? parts[place] : said;
      if (value) { once(handle, "aria-valuetext", value); }
    });
  }
  function nameGroups(title, place) {
    const group = title.closest(".widget-vbox");
    if (!group) { return; }
    if (!title.id) { title.id = "rw-group-" + place; }
    once(group, "role", "group");
    once(group, "aria-labelledby", title.id);
  }
  function nameTables(table) {
    if (table.parentElement.classList.contains("rw-scroll")) { return; }
    const frame = document.createElement("div");
    frame.className = "rw-scroll";
    table.replaceWith(frame);
    frame.append(table);
  }
  // What is wider than the screen is scrolled by keyboard, so it has to be reached by keyboard.
  function reachFrames() {
    document.querySelectorAll(".rw-scroll").forEach((frame) => {
      if (frame.scrollWidth > frame.clientWidth + 1) {
        once(frame, "tabindex", "0");
        once(frame, "role", "region");
        once(frame, "aria-label", words.table);
      } else if (frame.hasAttribute("tabindex")) {
        ["tabindex", "role", "aria-label"].forEach((name) => frame.removeAttribute(name));
      }
    });
  }
  let heard = "";
  function sayAnswer() {
    // The whole answer would be read out at every step; its sentence is enough.
    document.querySelectorAll(".rw-results [aria-live]").forEach((part) => {
      part.removeAttribute("aria-live");
    });
    const said = document.querySelector(".rw-page:not([hidden]) .rw-results strong");
    const text = said ? said.textContent : "";
    if (text && text !== heard) {
      if (heard) { document.getElementById("rw-said").textContent = text; }
      heard = text;
    }
  }
  function tidy() {
    document.querySelectorAll(".rw-explorer .rw-control").forEach(nameSliders);
    document.querySelectorAll(".rw-explorer .rw-group").forEach(nameGroups);
    document.querySelectorAll(".rw-page table").forEach(nameTables);
    reachFrames();
    sayAnswer();
    const waiting = document.querySelector('script[type="application/vnd.voila.cell-output+json"]');
    if (loading && !waiting && !document.querySelector(".rw-live:empty")) { loading.hidden = true; }
  }
  let planned = 0;
  const plan = () => {
    if (!planned) { planned = window.setTimeout(() => { planned = 0; tidy(); }, 30); }
  };
  new MutationObserver(plan).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ["aria-valuenow", "aria-valuetext", "hidden"],
  });
  window.addEventListener("resize", plan);

  // --- the kernel behind the page has gone ---------------------------------------------------
  const kernel = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  window.setInterval(async () => {
    let there = false;
    try {
      const asked = await fetch(kernel.baseUrl + "api/kernels/" + kernel.kernelId);
      there = asked.ok;
    } catch (gone) { there = false; }
    if (!there && loading) {
      loading.hidden = false;
      loading.className = "rw-alert";
      loading.textContent = words.gone;
    }
  }, 20000);

  // The secret in the address has done its work; it is not left on a projector.
  if (location.search) { history.replaceState(null, "", location.pathname + location.hash); }
  show(false);
  plan();
})();
