// Numbers, times and states in words. Nothing here touches the page.
const NONE = "–";

/** Up to three digits, without noise behind the point: 0.42, 7.1, 31.5, 1 234. */
const number = (value) => {
  if (value == null) return NONE;
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits }).replaceAll(",", "\u202f");
};

const millis = (value) => {
  if (value == null) return NONE;
  return value >= 10_000 ? `${number(value / 1000)} s` : `${number(value)} ms`;
};

const percent = (value) => (value == null ? NONE : `${value >= 10 ? Math.round(value) : number(value)} %`);

const bytes = (value) => {
  if (value == null) return NONE;
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (value >= 1000 && unit < 3) { value /= 1000; unit += 1; }
  return `${number(value)} ${units[unit]}`;
};

/** A moment as a stopwatch: 04:30, 1:02:03. */
const clock = (seconds) => {
  const whole = Math.floor(seconds);
  const two = (part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${two(minutes)}:${two(whole % 60)}`;
};

/** A length: 40 s, 3 min, 2.5 h. */
const length = (seconds) => {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  if (seconds < 7200) return `${number(Math.round(seconds / 6) / 10)} min`;
  return `${number(Math.round(seconds / 360) / 10)} h`;
};

const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const METRICS = {
  cpu: ["CPU", "%"], memory: ["Memory", "%"], "network-in": ["Network in", "B"], "network-out": ["Network out", "B"],
  "requests-per-target": ["Requests per target", ""],
};
/** What a metric is called, and its unit. */
const metric = (name) => {
  const latency = /^latency-(p\d+)$/.exec(name);
  if (latency) return [`Latency ${latency[1]}`, "ms"];
  return METRICS[name] ?? [name.replace(/^custom:/, ""), ""];
};

const comparison = (when) => when.replace(">=", "≥").replace("<=", "≤");
/** The threshold in `>= 20`, and whether values above it breach. */
const threshold = (when) => ({ value: Number(when.replace(/^[<>=\s]+/, "")), upward: when.startsWith(">") });

const STATES = {
  launching: ["Launching", "wait"], "in-service": ["In service", "good"],
  draining: ["Draining", "held"], terminating: ["Terminating", "held"],
};
const HEALTH = { initial: ["Initial", "wait"], healthy: ["Healthy", "good"], unhealthy: ["Unhealthy", "bad"] };
const ALARMS = { "insufficient-data": ["No data yet", "wait"], ok: ["OK", "good"], alarm: ["In alarm", "bad"] };
const TARGETS = { ec2: "EC2", ecs: "ECS", local: "this machine" };
const PHASES = { starting: "starting", running: "running", stopping: "stopping", ended: "ended" };
