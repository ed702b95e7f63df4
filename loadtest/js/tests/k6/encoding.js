import encoding from 'k6/encoding';
const t = (name, f) => {
  let shown;
  try { const v = f(); shown = v === undefined ? "undefined" : v instanceof ArrayBuffer ? "bytes " + new Uint8Array(v).join() : JSON.stringify(v); } catch (e) { shown = `${e.constructor.name} ${e}`; }
  console.log(name, shown);
};
export default function () {
  for (const kind of ['std', 'rawstd', 'url', 'rawurl', 'other', undefined]) {
    for (const input of ['hello?>~', '', 'é中😀', new Uint8Array([0, 255]).buffer, new Uint8Array([1, 2]), 5, null, {}, [1]]) t('encode', () => encoding.b64encode(input, kind));
    for (const input of ['aGVsbG8/Pn4=', 'aGVsbG8/Pn4', 'aGVsbG8_Pn4=', 'aGVsbG8_Pn4', '', '!!!', 'aGVs\nbG8=', 'aGVsbG8', '//79', 'aGVsbG9=', ' aGVs', 5, null]) {
      t('decode', () => encoding.b64decode(input, kind)); t('text', () => encoding.b64decode(input, kind, 's'));
    }
  }
}
