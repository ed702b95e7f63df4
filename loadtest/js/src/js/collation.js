// An approximation of the Unicode collation that k6 uses: punctuation, digits, letters; accents and then case only
// decide between what is equal otherwise.
export function install() {
  const kind = (c) => (/\s/.test(c) ? 0 : /\d/.test(c) ? 3 : /\p{L}/u.test(c) ? 4 : /\p{P}/u.test(c) ? 1 : 2);
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const bare = (text) => text.normalize('NFD').replace(/\p{M}/gu, '');
  const primary = (a, b) => {
    const [left, right] = [a, b].map((text) => [...bare(text).toLowerCase()]);
    for (let i = 0; i < Math.min(left.length, right.length); i++) {
      const order = compare(kind(left[i]), kind(right[i])) || compare(left[i], right[i]);
      if (order !== 0) return order;
    }
    return compare(left.length, right.length);
  };
  Object.defineProperty(Object.getPrototypeOf(''), 'localeCompare', { writable: true, configurable: true, value(other) {
    const [a, b] = [`${this}`.normalize(), `${other}`.normalize()];
    return primary(a, b) || compare(a.toLowerCase(), b.toLowerCase()) || compare(b, a);
  } });
}
