// The plots over time, all on one axis.
let range = "whole";

const marksOf = (capacity) => capacity.slice(1).flatMap((now, index) => {
  const before = capacity[index];
  return now.desired === before.desired ? [] : [{ at: now.at, up: now.desired > before.desired, text: `${before.desired} → ${now.desired}` }];
});

const PLOTS = [
  { title: "Instances", testid: "plot-capacity", lines: [["desired", "c", "desired"], ["in service", "a", "in_service"], ["healthy", "b", "healthy"]], steps: true },
  { title: "Requests per second", testid: "plot-requests", lines: [["requests", "a", "requests-per-s"]] },
  { title: "Latency", unit: "ms", testid: "plot-latency", lines: [["p50", "b", "p50-ms"], ["p95", "a", "p95-ms"], ["p99", "c", "p99-ms"]] },
  { title: "Errors per second", testid: "plot-errors", least: 1, lines: [["errors", "d", "errors-per-s"]] },
];
const EXTRA = { "in-flight": ["Requests in flight", ""], users: ["Virtual users", ""], "cpu-percent": ["CPU of the group", "%"], "memory-percent": ["Memory of the group", "%"] };

const showPlots = (status) => {
  const { about, at, group, series, capacity } = status;
  const known = new Set(PLOTS.flatMap((plot) => plot.lines.map(([, , name]) => name)));
  const extra = Object.keys(series).filter((name) => !known.has(name)).map((name) => {
    const [title, unit] = EXTRA[name] ?? metric(name);
    return { title, unit, testid: `plot-${name}`, lines: [[words(name).replace(/ percent$/, ""), "a", name]] };
  });
  const recent = Math.min(at, 300 * about.sample_s);
  const from = range === "whole" ? 0 : at - recent;
  say(byId("recent-label"), `Newest ${length(300 * about.sample_s)}`);
  const make = (plot) => {
    const chart = new Chart(plot.title, plot);
    return Object.assign(chart.figure, { chart });
  };
  keyed(byId("plots"), [...PLOTS, ...extra], (plot) => plot.title, make, (figure, plot) => {
    const lines = plot.lines.map(([name, tone, key]) => ({
      name, tone, steps: plot.steps,
      points: plot.steps ? capacity.map((now) => [now.at, now[key]]) : pointsOf(series[key]?.[range]),
    }));
    const seen = lines.filter((line) => plot.steps || line.points.length > 0);
    figure.classList.add("card");
    figure.chart.update({ from, to: Math.max(at, from + 1), least: plot.steps ? group.max : plot.least, lines: seen.length ? seen : lines, marks: plot.steps ? [] : marksOf(capacity) });
  });
};

for (const choice of document.querySelectorAll("input[name=range]")) {
  choice.addEventListener("change", () => {
    range = choice.value;
    if (newest) showPlots(newest);
  });
}
