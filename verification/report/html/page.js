"use strict";
(() => {
  const form = document.getElementById("filters");
  const table = document.getElementById("table");
  if (!form || !table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const articles = new Map([...document.querySelectorAll("article[data-claim]")].map((a) => [a.dataset.claim, a]));
  const papers = [...document.querySelectorAll("div.paper")];
  const fields = ["text", "paper", "status", "provenance"];

  const filter = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const shown =
        words.every((word) => row.dataset.text.includes(word)) &&
        fields.slice(1).every((name) => !form.elements[name].value || row.dataset[name] === form.elements[name].value);
      row.hidden = !shown;
      const article = articles.get(row.dataset.claim);
      if (article) article.hidden = !shown;
      count += shown;
    }
    for (const paper of papers) paper.hidden = !paper.querySelector("article:not([hidden])");
    form.elements.count.value = `${count} of ${rows.length} claims`;
  };

  // The filter stands in the address (#status=fail&paper=...), so that what is seen can be sent to somebody.
  const remember = () => {
    const set = new URLSearchParams(fields.map((name) => [name, form.elements[name].value]).filter(([, v]) => v));
    try {
      history.replaceState(null, "", set.size ? `#${set}` : location.pathname + location.search);
    } catch {
      // A page that was opened from an archive or a mail may not change its address.
    }
  };
  const recall = () => {
    let hash = location.hash.slice(1);
    try {
      hash = decodeURIComponent(hash);
    } catch {
      // Not what this page writes: taken as it stands.
    }
    const target = hash && document.getElementById(hash);
    if (!target && hash.includes("=")) {
      const set = new URLSearchParams(location.hash.slice(1));
      for (const name of fields) form.elements[name].value = set.get(name) || "";
      filter();
      document.getElementById("verdicts").scrollIntoView();
      return;
    }
    if (target && target.hidden) {
      form.reset();
      filter();
      target.scrollIntoView();
    }
  };

  const value = (row, key) => (key in row.dataset ? Number(row.dataset[key]) : NaN);
  const sort = (head) => {
    const key = head.dataset.sort;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    rows.sort((a, b) => {
      const [x, y] = [value(a, key), value(b, key)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return x === y ? value(a, "order") - value(b, "order") : sign * (x < y ? -1 : 1);
    });
    body.append(...rows);
  };

  for (const head of table.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head));
  }
  table.querySelector("th[data-sort]").setAttribute("aria-sort", "ascending");
  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
  addEventListener("hashchange", recall);
  form.hidden = false;
  filter();
  recall();
})();
