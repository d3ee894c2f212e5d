// Makes what works without it faster: keys, the row that was opened last, figures in place.
(() => {
  "use strict";
  const typing = (element) =>
    element && element.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  const rows = () => [...document.querySelectorAll("table.pick tbody tr")];
  let picked = -1;

  const pick = (index) => {
    const all = rows();
    if (!all.length) return;
    picked = Math.max(0, Math.min(all.length - 1, index));
    all.forEach((row, number) => row.classList.toggle("picked", number === picked));
    const link = all[picked].querySelector("th a");
    link.focus({ preventScroll: true });
    all[picked].scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(document.activeElement)) {
      document.activeElement.blur();
      return;
    }
    if (typing(document.activeElement)) return;
    if (event.key === "/") {
      const search = document.getElementById("find");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "j") {
      pick(picked + 1);
    } else if (event.key === "k") {
      pick(picked - 1);
    } else if (event.key === "x" && rows()[picked]) {
      const box = rows()[picked].querySelector("input[type=checkbox]");
      if (box) box.checked = !box.checked;
    } else {
      const form = document.querySelector(`form[data-key="${CSS.escape(event.key)}"]`);
      const field = form && form.querySelector("textarea, select, button");
      if (field) {
        event.preventDefault();
        field.focus();
        field.scrollIntoView({ block: "center" });
      }
    }
  });

  // The person's menu closes when something else is used.
  const menu = document.querySelector("details.menu");
  const close = (event) => {
    if (menu && menu.open && (event.key === "Escape" || !menu.contains(event.target))) {
      menu.open = false;
    }
  };
  document.addEventListener("click", close);
  document.addEventListener("keydown", (event) => event.key === "Escape" && close(event));

  // A file may be dropped on the form that takes it.
  document.querySelectorAll("form[data-drop]").forEach((form) => {
    const field = form.querySelector("input[type=file]");
    const over = (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      form.classList.toggle("over", event.type === "dragover");
    };
    form.addEventListener("dragover", over);
    form.addEventListener("dragleave", over);
    form.addEventListener("drop", (event) => {
      over(event);
      if (event.dataTransfer.files.length) field.files = event.dataTransfer.files;
    });
    form.classList.add("drops");
  });

  // A form that is sent twice would meet a stale version the second time.
  document.addEventListener("submit", (event) => {
    const buttons = event.target.querySelectorAll("button");
    setTimeout(() => buttons.forEach((button) => (button.disabled = true)), 0);
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("button[disabled]").forEach((button) => (button.disabled = false));
  });
})();

// A page with data-stream stays fresh: texts change in place, rows are added after a click.
(() => {
  "use strict";
  const RETRY_MS = 20000;
  const root = document.querySelector("[data-stream]");
  if (!root || !window.EventSource) return;
  const note = root.querySelector("[data-live-note]");
  let address = root.dataset.stream;
  let source = null;
  let timer = 0;
  let ended = false;

  const say = (text, state) => {
    if (!note) return;
    note.textContent = text;
    note.dataset.state = state;
  };
  const named = (attribute, name) =>
    document.querySelectorAll(`[${attribute}="${CSS.escape(name)}"]`);

  // A value is a text, or a text with the state that its colour shows.
  const put = (values) => {
    for (const [name, value] of Object.entries(values)) {
      const { text, state } = typeof value === "string" ? { text: value } : value;
      for (const element of named("data-live", name)) {
        if (element.localName === "progress") element.value = parseInt(text, 10) || 0;
        else if (element.textContent !== text) element.textContent = text;
        if (state !== undefined && element.dataset.state !== state) element.dataset.state = state;
      }
    }
  };

  const offer = (counts) => {
    for (const [name, count] of Object.entries(counts)) {
      for (const button of named("data-new", name)) {
        button.textContent = `${count} new`;
        button.hidden = count === 0;
      }
    }
  };

  const show_rows = async (button) => {
    const name = button.dataset.new;
    const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!reply.ok) throw new Error(String(reply.status));
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const fresh = page.querySelector(`[data-rows="${CSS.escape(name)}"]`);
    named("data-rows", name).forEach((rows) => rows.replaceChildren(...fresh.children));
    button.hidden = true;
    const stream = page.querySelector("[data-stream]");
    address = stream ? stream.dataset.stream : address;
    open();
  };

  const close = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  };

  const open = () => {
    close();
    if (ended || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("open", () => say("Live", "live"));
    source.addEventListener("values", (event) => {
      say("Live", "live");
      put(JSON.parse(event.data));
    });
    source.addEventListener("new", (event) => offer(JSON.parse(event.data)));
    source.addEventListener("away", (event) => say(`Not live: ${JSON.parse(event.data).why}`, "away"));
    source.addEventListener("end", (event) => {
      ended = true;
      const { why, reload } = JSON.parse(event.data);
      say(why, "ended");
      close();
      if (reload) location.reload();
    });
    source.addEventListener("error", () => {
      say("Not live", "away");
      if (source && source.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS);
    });
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-new]");
    if (!button) return;
    event.preventDefault();
    show_rows(button).catch(() => location.reload());
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && open());
  open();
})();
