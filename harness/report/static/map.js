// The slider moves the map through the run. What was so from when is data made beside the page; nothing is computed here.
for (const figure of document.querySelectorAll(".map")) {
  const changes = JSON.parse(document.getElementById("changes").textContent);
  const slider = figure.querySelector(".strip input");
  const play = figure.querySelector('[data-step="0"]');
  const spots = [...figure.querySelectorAll(".world .vantage")];
  const marks = [...figure.querySelectorAll(".mark-region")];
  const tallies = [...figure.querySelectorAll(".tally")];
  const routes = new Map([...figure.querySelectorAll(".route")].map((route) => [route.dataset.of, route]));
  const shown = spots.map(() => null);
  const NOBODY_KNOWS = 0;
  const scenes = changes.scenes.flat();
  const regions = changes.looks.length - 1;

  // Position in a flat list of (time, what holds from then) of the change that holds at a time; -2 before the first.
  const position = (flat, at) => {
    let low = 0;
    let high = flat.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (flat[2 * middle] <= at) low = middle + 1;
      else high = middle;
    }
    return 2 * low - 2;
  };
  const holding = (flat, at, before) => {
    const found = position(flat, at);
    return found < 0 ? before : flat[found + 1];
  };
  const regionOf = (code) => (code - 1) >> 1;
  const isFailing = (code) => code !== NOBODY_KNOWS && (code - 1) % 2 === 1;

  const move = (number, code) => {
    if (shown[number] !== null) {
      routes.get(`${number}:${regionOf(shown[number])}`)?.classList.remove("on", "failing");
    }
    shown[number] = code;
    const looks = code === NOBODY_KNOWS ? "unknown" : changes.looks[regionOf(code)];
    spots[number].setAttribute("class", `vantage ${looks}${isFailing(code) ? " failing" : ""}`);
    if (code === NOBODY_KNOWS) return;
    routes.get(`${number}:${regionOf(code)}`)?.classList.add("on", ...(isFailing(code) ? ["failing"] : []));
  };

  // In the order of the legend: each region, no known region, failing, not known.
  const count = () => {
    const amounts = tallies.map(() => 0);
    for (const code of shown) {
      if (code === NOBODY_KNOWS) amounts[regions + 2] += 1;
      else amounts[isFailing(code) ? regions + 1 : regionOf(code)] += 1;
    }
    tallies.forEach((tally, row) => {
      tally.textContent = amounts[row];
      if (row >= regions) tally.parentElement.hidden = amounts[row] === 0;
    });
  };

  const show = (at) => {
    changes.vantages.forEach((flat, number) => {
      const code = holding(flat, at, NOBODY_KNOWS);
      if (code !== shown[number]) move(number, code);
    });
    for (const mark of marks) {
      mark.classList.toggle("is-sick", holding(changes.sick[mark.dataset.region], at, 0) === 1);
    }
    count();
    const scene = holding(scenes, at, "");
    figure.querySelector(".at").textContent = `${at.toFixed(1)} s`;
    figure.querySelector(".scene").textContent = scene;
    slider.value = at;
    slider.setAttribute("aria-valuetext", `${at.toFixed(1)} seconds: ${scene}`);
  };

  const first = Number(slider.min);
  const last = Number(slider.max);
  const everyChange = [
    ...new Set([...changes.vantages, ...changes.sick, scenes].flatMap((flat) => flat.filter((_, at) => at % 2 === 0))),
  ].filter((at) => at >= first && at <= last).sort((one, other) => one - other);

  let frame = null;
  const pause = () => {
    cancelAnimationFrame(frame);
    frame = null;
    play.textContent = "▶ play";
    play.setAttribute("aria-label", "play");
  };
  const start = () => {
    let at = Number(slider.value) >= last ? first : Number(slider.value);
    let before = performance.now();
    const rate = (last - first) / figure.dataset.playS / 1000;
    const next = (now) => {
      at = Math.min(last, at + (now - before) * rate);
      before = now;
      show(at);
      if (at < last) frame = requestAnimationFrame(next);
      else pause();
    };
    play.textContent = "❚❚ pause";
    play.setAttribute("aria-label", "pause");
    frame = requestAnimationFrame(next);
  };

  slider.addEventListener("input", () => {
    pause();
    show(Number(slider.value));
  });
  figure.querySelector(".steer").addEventListener("click", (event) => {
    const step = Number(event.target.dataset.step);
    if (step === 0) return frame === null ? start() : pause();
    pause();
    const at = Number(slider.value);
    const found = step > 0 ? everyChange.find((change) => change > at) : everyChange.findLast((change) => change < at);
    if (found !== undefined) show(found);
  });
  figure.querySelector("select")?.addEventListener("change", (event) => {
    pause();
    if (event.target.value) show(Number(event.target.value));
  });

  // Pointing at a vantage tells what was so there.
  spots.forEach((spot, number) => {
    spot.querySelector("title").remove();
    spot.addEventListener("pointermove", (event) => {
      const code = shown[number];
      const found = position(changes.vantages[number], Number(slider.value));
      const since = found < 0 ? "" : `, since ${changes.vantages[number][found]} s`;
      const who = code === NOBODY_KNOWS ? "nobody looked" : changes.names[regionOf(code)];
      const told = code === NOBODY_KNOWS ? who : isFailing(code) ? `FAILING, sent to ${who}` : `served by ${who}`;
      showTip(event, [spot.dataset.title, told + since]);
    });
    spot.addEventListener("pointerleave", hideTip);
  });

  for (const control of figure.querySelectorAll(".steer, .strip input")) control.hidden = false;
  show(Number(figure.dataset.still));
}
