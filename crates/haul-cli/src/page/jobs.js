(() => {
  const table = document.querySelector("table.jobs");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];

  const key = (row, column) => {
    const cell = row.cells[column];
    const data = cell.querySelector("data");
    return data ? Number(data.value) : cell.classList.contains("number") ? NaN : cell.textContent;
  };
  // What has no number comes last, whichever way the others are sorted.
  const order = (column, way) => (one, other) => {
    const [a, b] = [key(one, column), key(other, column)];
    if (typeof a === "string") return way * a.localeCompare(b, undefined, { numeric: true });
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
    return way * (a - b);
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...[...rows].sort(order(column, down ? -1 : 1)));
    };
  });

  const label = document.createElement("p");
  label.className = "filter";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "Show jobs with …";
  input.setAttribute("aria-label", "Show only jobs with this text");
  input.oninput = () => {
    const wanted = input.value.toLowerCase();
    rows.forEach(row => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
  };
  label.append(input);
  table.parentElement.before(label);
})();
