// The table of places can be folded into its groups and sorted within them.
for (const table of document.querySelectorAll(".origins")) {
  const fold = (group, open) => {
    const button = group.querySelector(".fold");
    button.textContent = open ? "▾" : "▸";
    button.setAttribute("aria-expanded", open);
    for (const row of group.querySelectorAll(".origin")) row.hidden = !open;
  };
  const groups = [...table.tBodies];
  for (const group of groups) {
    const button = group.querySelector(".fold");
    button.hidden = false;
    button.setAttribute("aria-label", "show or hide the places");
    button.addEventListener("click", () => fold(group, button.getAttribute("aria-expanded") !== "true"));
    if (table.dataset.folded !== undefined) fold(group, false);
  }

  const heads = [...table.querySelectorAll("[data-sort]")];
  const key = (row, column) => {
    if (column === "name") return row.cells[0].textContent;
    return Number(row.cells[Number(column) + 1].dataset.order ?? Infinity);
  };
  const sort = (head) => {
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", "ascending");
    for (const group of groups) {
      const rows = [...group.querySelectorAll(".origin")];
      rows.sort((one, other) => {
        const [a, b] = [key(one, head.dataset.sort), key(other, head.dataset.sort)];
        return a < b ? -1 : a > b ? 1 : 0;
      });
      group.append(...rows);
    }
  };
  for (const head of heads) {
    head.classList.add("sorts");
    head.tabIndex = 0;
    head.title = "sort the places of each group by this column";
    head.addEventListener("click", () => sort(head));
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter") sort(head);
    });
  }
}
