// Pointing at a timeline tells what was seen there, its axis can be stretched, and the findings can be filtered.
// Nothing here is needed to read the page: it is drawn without.
{
  const hovers = JSON.parse(document.getElementById("hovers").textContent);
  const ZOOM_AT_MOST = 40;

  const hide = (figure) => {
    hideTip();
    figure.querySelector(".hair").setAttribute("visibility", "hidden");
  };

  const signed = (seconds) => `${seconds < 0 ? "−" : "+"}${Math.abs(seconds).toFixed(1)} s`;

  // Percent along the whole axis and pixels below its top, wherever it is scrolled to.
  const where = (event, plot) => {
    const box = plot.getBoundingClientRect();
    return { share: (event.clientX - box.left) / box.width, y: event.clientY - box.top };
  };

  const point = (event, figure, plot, rows) => {
    const { share, y } = where(event, plot);
    const { from, until, origin, countsFrom, axis } = figure.dataset;
    const at = Number(from) + share * (until - from);
    const hair = plot.querySelector(".hair");
    for (const end of ["x1", "x2"]) hair.setAttribute(end, `${100 * share}%`);
    hair.setAttribute("visibility", "visible");
    const when = `${at.toFixed(1)} s, ${signed(at - origin)} from ${countsFrom}`;
    const row = rows.find(([top, height]) => y - axis >= top && y - axis < top + height);
    if (!row) return showTip(event, [when]);
    const parts = row[3].filter(([start, end]) => start <= at && at <= end).map((part) => part[2]);
    return showTip(event, [`${row[2]} · ${when}`, ...(parts.length ? parts : ["nobody looked"])]);
  };

  const stretch = (figure, factor, share) => {
    const scroll = figure.querySelector(".scroll");
    const inner = figure.querySelector(".stretch");
    const before = Number(inner.dataset.zoom ?? 1);
    const zoom = factor === 0 ? 1 : Math.min(ZOOM_AT_MOST, Math.max(1, before * factor));
    const held = share * inner.offsetWidth - scroll.scrollLeft;
    inner.dataset.zoom = zoom;
    inner.style.width = `${100 * zoom}%`;
    if (zoom < 2.5) delete inner.dataset.level;
    else inner.dataset.level = zoom < 9 ? 1 : 2;
    scroll.scrollLeft = share * inner.offsetWidth - held;
  };

  for (const figure of document.querySelectorAll(".timeline")) {
    const plot = figure.querySelector(".plot");
    const scroll = figure.querySelector(".scroll");
    const rows = hovers[figure.dataset.hovers];
    const middle = () => (scroll.scrollLeft + scroll.clientWidth / 2) / plot.clientWidth;
    plot.addEventListener("pointermove", (event) => point(event, figure, plot, rows));
    plot.addEventListener("pointerleave", () => hide(figure));
    plot.addEventListener("dblclick", (event) => stretch(figure, 2, where(event, plot).share));
    scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      stretch(figure, event.deltaY < 0 ? 1.25 : 0.8, where(event, plot).share);
    }, { passive: false });
    figure.querySelector(".zoom").addEventListener("click", (event) => {
      const factor = { in: 2, out: 0.5, whole: 0 }[event.target.dataset.zoom];
      if (factor !== undefined) stretch(figure, factor, middle());
    });
  }

  const filter = document.querySelector(".filter");
  const sift = () => {
    const verdict = filter.elements.verdict.value;
    const text = filter.elements.text.value.trim().toLowerCase();
    for (const group of document.querySelectorAll(".findings tbody")) {
      let shown = 0;
      for (const row of group.querySelectorAll(".finding")) {
        const fits = (!verdict || row.dataset.verdict === verdict) && row.textContent.toLowerCase().includes(text);
        row.hidden = !fits;
        shown += fits;
      }
      group.hidden = shown === 0;
    }
  };
  filter.addEventListener("input", sift);
  filter.addEventListener("submit", (event) => event.preventDefault());

  // Shown only where they work.
  for (const control of document.querySelectorAll(".zoom, .filter")) control.hidden = false;
}
