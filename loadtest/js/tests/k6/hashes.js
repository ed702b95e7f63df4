import crypto from 'k6/crypto';
const t = (name, f) => {
  let shown;
  try { const v = f(); shown = v === undefined ? "undefined" : v instanceof ArrayBuffer ? "bytes " + new Uint8Array(v).join() : JSON.stringify(v); } catch (e) { shown = `${e.constructor.name} ${e}`; }
  console.log(name, shown);
};
export default function () {
  for (const a of ['md4', 'md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512_224', 'sha512_256', 'ripemd160']) {
    for (const e of ['hex', 'base64', 'base64url', 'base64rawurl', 'binary']) { t(a, () => crypto[a]('hello', e)); t('hmac', () => crypto.hmac(a, 'key', 'hello', e)); }
    t('in parts', () => { const h = crypto.createHash(a); h.update('hel'); h.update('lo'); return [h.digest('hex'), h.digest('hex')]; });
  }
  for (const input of ['', 'é中😀', '\ud800', new Uint8Array([0, 1, 255]).buffer, new Uint8Array([0, 1, 255])]) { t('input', () => crypto.sha256(input, 'hex')); t('key', () => crypto.hmac('sha256', input, 'd', 'hex')); }
  for (const e of ['other', '', undefined, null]) t('encoding', () => crypto.md5('x', e));
}
