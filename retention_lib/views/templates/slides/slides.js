"use strict";
(function () {
  const slides = Array.from(document.querySelectorAll(".slide"));
  const place = document.getElementById("place");
  const notes = document.getElementById("notes");
  const [back, on] = ["-1", "1"].map((way) => document.querySelector('[data-move="' + way + '"]'));
  let now = 0;

  function show(number, moved) {
    now = Math.min(Math.max(number, 0), slides.length - 1);
    slides.forEach((slide, n) => slide.classList.toggle("now", n === now));
    place.textContent = (now + 1) + " / " + slides.length;
    back.disabled = now === 0;
    on.disabled = now === slides.length - 1;
    history.replaceState(null, "", "#slide-" + (now + 1));
    if (moved) { slides[now].focus({ preventScroll: true }); window.scrollTo(0, 0); }
  }
  function asked() {
    const found = /^#slide-(\d+)$/.exec(location.hash);
    return found ? Number(found[1]) - 1 : now;
  }
  function toggleNotes() {
    const shown = document.body.classList.toggle("with-notes");
    notes.setAttribute("aria-pressed", String(shown));
  }
  const keys = {
    ArrowRight: () => show(now + 1, true), ArrowDown: () => show(now + 1, true),
    PageDown: () => show(now + 1, true), ArrowLeft: () => show(now - 1, true),
    ArrowUp: () => show(now - 1, true), PageUp: () => show(now - 1, true),
    Home: () => show(0, true), End: () => show(slides.length - 1, true), n: toggleNotes, N: toggleNotes,
  };
  // A long slide is scrolled with the arrows first, and turned at its end.
  function scrolls(key) {
    const page = document.documentElement;
    const room = page.scrollHeight - page.clientHeight;
    if (key === "ArrowDown") { return window.scrollY < room - 1; }
    return key === "ArrowUp" && window.scrollY > 0;
  }
  document.addEventListener("keydown", (event) => {
    const does = keys[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey || scrolls(event.key)) { return; }
    event.preventDefault();
    does();
  });
  back.addEventListener("click", () => show(now - 1, true));
  on.addEventListener("click", () => show(now + 1, true));
  notes.addEventListener("click", toggleNotes);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    slides[now].focus();
  });
  window.addEventListener("hashchange", () => show(asked(), true));
  document.documentElement.classList.add("moving");
  show(asked(), false);
})();
