// The parts of the page that are not plots over time: each takes a status and shows its share.
const SLOTS_MAX = 40;
const words = (name) => name.replaceAll("-", " ");

const showHead = ({ about, phase, at, group, alarms }) => {
  say(byId("name"), about.name);
  const speed = about.speed === 1 ? "" : ` · ${number(about.speed)} × as fast`;
  say(byId("where"), `on ${TARGETS[about.target] ?? about.target} · ${PHASES[phase] ?? phase} · ${clock(at)}${speed}`);
  const raised = alarms.some((alarm) => alarm.state === "alarm") ? "▲ " : "";
  const title = `${raised}${group.in_service} of ${group.desired} · ${about.name}`;
  if (document.title !== title) document.title = title;
};

/** One square per instance that there may be: filled when healthy, hollow when on its way. */
const showCapacity = ({ group, instances }) => {
  say(byId("in-service"), number(group.in_service));
  say(byId("of"), `of ${number(group.desired)} wanted`);
  const parts = [`between ${number(group.min)} and ${number(group.max)}`, `${number(group.healthy)} healthy`];
  if (group.launching > 0) parts.push(`${number(group.launching)} launching`);
  if (group.leaving > 0) parts.push(`${number(group.leaving)} leaving`);
  if (group.fail_open) parts.push("failing open: no healthy target, traffic goes to all");
  say(byId("counts"), parts.join(" · "));
  set(byId("counts"), "data-tone", group.fail_open ? "bad" : null);
  const tone = (one) => (one.state === "in-service" ? one.health ?? "initial" : one.state);
  const slots = instances.map((one) => ({ id: one.id, tone: tone(one) }));
  for (let free = slots.length; free < group.max; free += 1) slots.push({ id: `free ${free}`, tone: "free" });
  keyed(byId("slots"), slots.slice(0, SLOTS_MAX), (slot) => slot.id, () => el("i"), (element, slot) => set(element, "data-tone", slot.tone));
};

const showNumbers = ({ traffic, instances }) => {
  const loads = instances.map((one) => one.cpu_percent).filter((load) => load != null);
  const totals = traffic.totals;
  const failed = totals ? Object.values(totals.errors).reduce((sum, count) => sum + count, 0) : null;
  const tiles = [
    ["Requests per second", number(traffic.requests_per_s), totals && `${number(totals.requests)} so far`],
    ["Latency p95", millis(traffic.p95_ms), traffic.p50_ms != null && `p50 ${millis(traffic.p50_ms)} · p99 ${millis(traffic.p99_ms)}`],
    ["Errors per second", number(traffic.errors_per_s), failed != null && plural(failed, "error") + " so far", traffic.errors_per_s > 0 ? "bad" : null],
  ];
  if (traffic.in_flight != null) tiles.push(["In flight", number(traffic.in_flight)]);
  if (loads.length > 0) {
    const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
    tiles.push(["CPU", percent(mean), loads.length > 1 && `highest ${percent(Math.max(...loads))}`]);
  }
  const make = () => el("div", { class: "tile" }, el("dt"), el("dd", { class: "figure" }), el("dd", { class: "quiet" }));
  keyed(byId("numbers"), tiles, ([name]) => name, make, (tile, [name, value, more, tone]) => {
    const [term, figure, note] = tile.children;
    say(term, name);
    say(figure, value);
    say(note, more || "");
    set(tile, "data-tone", tone);
  });
};

/** Each alarm with its metric against its threshold. */
const showAlarms = ({ about, alarms, group, at, capacity }) => {
  const known = new Map(alarms.map((alarm) => [alarm.name, alarm]));
  const cards = about.policies.flatMap((policy) => policy.alarms.map((alarm) => ({ policy, alarm, now: known.get(alarm.name) })));
  const make = ({ alarm }) => {
    const [name, unit] = metric(alarm.metric);
    const chart = new Chart(name, { unit, height: 132, heading: "h4", quiet: true });
    const state = chip();
    const card = el("article", { class: "card alarm", "data-testid": `alarm-${alarm.name}` },
      el("div", { class: "heading" }, el("h3"), state), el("p", { class: "when-words" }), chart.figure, el("p", { class: "quiet reason" }));
    return Object.assign(card, { chart, state });
  };
  keyed(byId("alarms"), cards.filter((card) => card.now), ({ alarm }) => alarm.name, make, (card, { alarm, now }) => {
    say(card.querySelector("h3"), alarm.name);
    wear(card.state, ALARMS[now.state] ?? [now.state, "wait"]);
    set(card, "data-state", now.state);
    const [name, unit] = metric(alarm.metric);
    const of = alarm.datapoints_to_alarm === alarm.evaluation_periods ? "" : `${alarm.datapoints_to_alarm} of `;
    say(card.querySelector(".when-words"), `${name} ${comparison(alarm.when)}${unit ? ` ${unit}` : ""} for ${of}${alarm.evaluation_periods} × ${length(alarm.period_s)}`);
    const since = now.since > 0 ? `since ${clock(now.since)}` : "";
    say(card.querySelector(".reason"), [since, comparison(now.reason ?? "")].filter(Boolean).join(": "));
    const limit = { ...threshold(alarm.when), text: comparison(alarm.when) };
    const from = Math.max(now.history.values.length ? now.history.start : 0, 0);
    const points = pointsOf(now.history);
    card.chart.update({ from, to: Math.max(at, from + now.history.step), limit, marks: marksOf(capacity), lines: [{ name: `${name}, ${words(alarm.statistic)}`, tone: "a", points }] });
  });
  const cooldown = group.cooldown;
  say(byId("cooldown"), cooldown ? `${cooldown.policy}: cooldown, ${length(cooldown.until - at)} left` : "");
};

const showPolicies = ({ about, policies, at }) => {
  const last = new Map(policies.map((policy) => [policy.name, policy.last]));
  const make = () => el("li", {}, el("b"), el("span", { class: "quiet" }), el("span", { class: "last" }));
  keyed(byId("policies"), about.policies, (policy) => policy.name, make, (row, policy) => {
    const [name, does, did] = row.children;
    say(name, policy.name);
    say(does, `${words(policy.kind)}: ${policy.does}`);
    const decision = last.get(policy.name);
    const left = decision?.until > at ? `, ${length(decision.until - at)} left` : "";
    set(row, "data-testid", `policy-${policy.name}`);
    say(did, decision ? `${clock(decision.at)} ${comparison(decision.text)}${left}` : "not invoked yet");
    set(did, "data-tone", decision ? (decision.scaled ? "change" : "held") : null);
  });
};

const CELLS = ["Instance", "State", "Target health", "CPU", "In flight", "Requests", "Since"];
const makeInstance = () => {
  const cells = CELLS.map((label, index) => el(index === 0 ? "th" : "td",
    { role: index === 0 ? "rowheader" : "cell", scope: index === 0 ? "row" : null, "data-label": label, class: index > 2 ? "number" : null }));
  const bar = el("meter", { min: 0, max: 100, low: 60, high: 85, optimum: 0, "aria-hidden": true });
  cells[0].append(el("b"), el("span", { class: "quiet" }));
  cells[1].append(chip(), el("span", { class: "quiet" }));
  cells[2].append(chip(), el("span", { class: "quiet" }));
  cells[3].append(el("span"), bar);
  return el("tr", { role: "row", "data-testid": "instance" }, ...cells);
};

const showFleet = ({ instances, at }) => {
  keyed(byId("instances"), instances, (one) => one.id, makeInstance, (row, one) => {
    const [id, state, health, cpu, busy, requests, since] = row.children;
    const leaving = one.state === "draining" || one.state === "terminating";
    say(id.firstChild, one.id);
    say(id.lastChild, [one.address, one.process].filter(Boolean).join(" · "));
    wear(state.firstChild, STATES[one.state] ?? [one.state, "wait"]);
    const notes = [];
    if (one.until != null && one.until > at) notes.push(`at most ${length(one.until - at)} more`);
    if (one.throttled) notes.push("out of CPU credits");
    if (one.health == null && one.reason) notes.unshift(one.reason);
    say(state.lastChild, notes.join("; "));
    wear(health.firstChild, HEALTH[one.health] ?? [leaving ? "Deregistered" : "Not registered", "off"]);
    say(health.lastChild, one.health == null ? "" : one.reason ?? "");
    say(cpu.firstChild, percent(one.cpu_percent));
    cpu.lastChild.hidden = one.cpu_percent == null;
    cpu.lastChild.value = one.cpu_percent ?? 0;
    say(busy, number(one.in_flight));
    say(requests, number(one.requests));
    say(since, clock(one.since));
    set(row, "data-state", one.state);
    set(row, "data-id", one.id);
  });
  byId("no-instances").hidden = instances.length > 0;
};

/** Newest first. */
const showActivity = ({ activities }) => {
  const items = activities.map((one, index) => ({ ...one, index })).reverse();
  const make = () => el("li", {}, el("time"), el("span"));
  // What is repeated changes its words, not its place: time and subject name it.
  const name = (one) => `${one.at} ${one.tone} ${one.text.split(" (and ")[0]}`;
  keyed(byId("activity"), items, name, make, (row, one) => {
    say(row.firstChild, clock(one.at));
    say(row.lastChild, comparison(one.text));
    set(row, "data-tone", one.tone);
  });
  byId("no-activity").hidden = items.length > 0;
};

const showAbout = ({ about, notes }) => {
  const facts = [...about.links.map((link) => ({ ...link, link: true })), ...about.facts];
  const make = (fact) => el("div", {}, el("dt"), el("dd", {}, fact.link && /^https?:\/\//.test(fact.value) ? el("a", { href: fact.value, rel: "noreferrer" }) : el("span")));
  keyed(byId("facts"), facts, (fact) => `${fact.name} ${fact.value}`, make, (row, fact) => {
    say(row.firstChild, fact.name);
    say(row.lastChild.firstChild, fact.value);
  });
  keyed(byId("notes"), notes, (note) => note, () => el("li"), say);
};
