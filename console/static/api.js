// Tries an operation of the API from its page, in the session of whoever reads it.
(() => {
  "use strict";
  const root = document.getElementById("try");
  if (!root) return;
  const headersShown = ["ETag", "Retry-After", "Allow", "Idempotency-Replayed"];

  const requestOf = (form) => {
    let { path } = root.dataset;
    const query = new URLSearchParams();
    const headers = { "X-Form-Token": root.dataset.formToken };
    let body;
    for (const field of form.querySelectorAll("[data-place]")) {
      const value = field.value.trim();
      const place = field.dataset.place;
      if (place === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(value));
      else if (place === "body") body = value;
      else if (value && place === "query") query.set(field.name, value);
      else if (value && place === "header") headers[field.name] = value;
    }
    if (body) headers["Content-Type"] = "application/json";
    const search = query.toString();
    return { url: search ? `${path}?${search}` : path, headers, body };
  };

  const shown = async (response) => {
    const lines = [`${response.status} ${response.statusText}`];
    for (const name of headersShown) {
      const value = response.headers.get(name);
      if (value) lines.push(`${name}: ${value}`);
    }
    const text = await response.text();
    try {
      lines.push("", JSON.stringify(JSON.parse(text), null, 2));
    } catch {
      lines.push("", text);
    }
    return lines.join("\n");
  };

  const form = root.querySelector("form.request");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reply = form.querySelector("output.reply");
    const { url, headers, body } = requestOf(form);
    const { method } = root.dataset;
    reply.textContent = `${method} ${url} …`;
    try {
      const response = await fetch(url, { method, headers, body, cache: "no-store" });
      reply.textContent = `${method} ${url}\n${await shown(response)}`;
    } catch (error) {
      reply.textContent = `The console did not answer: ${error.message}`;
    }
    form.querySelectorAll("button").forEach((button) => (button.disabled = false));
  });
})();
