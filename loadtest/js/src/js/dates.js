// Dates as texts, as k6's engine writes them.
const hide = (object, name, value) => Object.defineProperty(object, name, { value, writable: true, configurable: true });

export function install() {
  const proto = Date.prototype;
  const { toString, toTimeString, toLocaleDateString } = proto;
  const zone = (text) => (text.endsWith('GMT+0000') ? text + ' (UTC)' : text);
  const two = (number) => `${number}`.padStart(2, '0');
  const clock = (date) => [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const valid = (date) => date.getTime() === date.getTime();
  hide(proto, 'toString', function () { return zone(toString.call(this)); });
  hide(proto, 'toTimeString', function () { return zone(toTimeString.call(this)); });
  hide(proto, 'toLocaleTimeString', function () { return valid(this) ? clock(this) : 'Invalid Date'; });
  hide(proto, 'toLocaleString', function () {
    return valid(this) ? toLocaleDateString.call(this) + ', ' + clock(this) : 'Invalid Date';
  });
}
