// The connection: server-sent events, or asking again and again where they do not come; and what is said of it.
const POLL_MS = 2000;
const RETRY_MS = 10_000;
let newest = null;
let heard = 0;
let told = 0;

const show = (status) => {
  announce(newest, status);
  newest = status;
  heard = Date.now();
  byId("main").hidden = false;
  for (const part of [showHead, showCapacity, showNumbers, showAlarms, showPolicies, showFleet, showActivity, showPlots, showAbout]) part(status);
};

/** Said aloud: a change of capacity and an alarm, not every number. */
const announce = (before, now) => {
  if (!before) return;
  const news = [];
  if (before.group.desired !== now.group.desired) news.push(`Wanted instances: ${before.group.desired} to ${now.group.desired}.`);
  for (const alarm of now.alarms) {
    const old = before.alarms.find((one) => one.name === alarm.name);
    if (old && old.state !== alarm.state && alarm.state === "alarm") news.push(`${alarm.name} is in alarm.`);
  }
  if (news.length > 0) say(byId("announcer"), news.join(" "));
};

const connected = (how) => {
  say(byId("link"), newest?.phase === "ended" ? "Ended" : how);
  set(byId("link"), "data-state", newest?.phase === "ended" ? "ended" : "live");
  byId("banner").hidden = true;
  set(byId("main"), "data-stale", null);
};

const lost = () => {
  set(byId("link"), "data-state", "lost");
  say(byId("link"), "Connection lost");
  set(byId("main"), "data-stale", true);
  const age = heard ? ` What you see is from ${new Date(heard).toLocaleTimeString()}.` : "";
  say(byId("banner"), `The dashboard does not answer; trying again until it does.${age}`);
  byId("banner").hidden = false;
};

const listen = () => {
  const events = new EventSource("/events");
  events.onmessage = (message) => {
    show(JSON.parse(message.data));
    connected("Live");
  };
  events.onerror = () => {
    // The browser tries again by itself, unless the answer was no stream at all.
    if (events.readyState !== EventSource.CLOSED) return lost();
    events.close();
    told = Date.now();
    poll();
  };
};

const poll = async () => {
  try {
    const answer = await fetch("/status.json", { cache: "no-store", signal: AbortSignal.timeout(5 * POLL_MS) });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.json());
    connected("Live, by asking");
  } catch {
    lost();
  }
  if (Date.now() - told > RETRY_MS) listen();
  else setTimeout(poll, POLL_MS);
};

listen();
