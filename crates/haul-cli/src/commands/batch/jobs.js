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
  // What has no number comes last, whichever way the others are sorted. Values of different
  // quantities do not compare: they stay apart.
  const what = heads.findIndex(head => head.classList.contains("what"));
  const apart = (one, other) => key(one, what).localeCompare(key(other, what));
  const order = (column, way) => (one, other) => {
    const group = heads[column].classList.contains("of-what") ? apart(one, other) : 0;
    if (group !== 0) return group;
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
      const sorted = [...rows].sort(order(column, down ? -1 : 1));
      const parted = head.classList.contains("of-what");
      sorted.forEach((row, place) => {
        row.classList.toggle("apart", parted && place > 0 && apart(sorted[place - 1], row) !== 0);
      });
      body.append(...sorted);
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
  const box = table.parentElement;
  const more = document.createElement("p");
  more.className = "more";
  more.textContent = "more columns →";
  const fits = () => { more.hidden = box.scrollWidth <= box.clientWidth + 1; };
  addEventListener("resize", fits);
  box.before(label, more);
  fits();
})();
