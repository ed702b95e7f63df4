const { subtle } = crypto;
const bytes = (n, of = 7) => new Uint8Array(n).fill(of);
const hex = (b) => Array.from(new Uint8Array(b), (x) => x.toString(16).padStart(2, '0')).join('');
// Of these only the kind of error is the same.
const loose = /usages |^import (ecdsa|rsa)|^jwk|^import jwk|^import hmac jwk|^ecdsa export|^derive .*100/;
const sort = (o) => Object.fromEntries(Object.keys(o).sort().map((k) => [k, o[k]]));
async function t(name, work) {
  let shown;
  try {
    const v = await work();
    shown = v instanceof ArrayBuffer ? hex(v) : typeof v === 'object' ? JSON.stringify(v.kty ? sort(v) : v) : `${v}`;
  } catch (e) { shown = loose.test(name) ? `throws ${e.name}` : `throws ${e.name}: ${e.message}`; }
  console.log(`${name} -> ${shown}`);
}
const ALL = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey'];
export default async function () {
  const aes = (name, usages = ['encrypt', 'decrypt'], n = 16) => subtle.importKey('raw', bytes(n), name, true, usages);
  const gcm = await aes('AES-GCM'), cbc = await aes('AES-CBC'), ctr = await aes('AES-CTR');
  const hmac = await subtle.importKey('raw', bytes(20), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']);
  const iv = bytes(12), iv16 = bytes(16), data = bytes(20, 1);
  console.log(gcm); console.log(JSON.stringify(gcm), String(gcm), Object.keys(gcm).join());
  console.log(hmac); console.log(JSON.stringify(hmac));
  for (const n of [0, 1, 8, 11, 13, 16, 64]) await t(`gcm iv ${n}`, () => subtle.encrypt({ name: 'AES-GCM', iv: bytes(n) }, gcm, data));
  for (const tagLength of [0, 8, 32, 64, 96, 104, 112, 120, 127, 128, 129, -1, '96', null, undefined]) {
    await t(`gcm tag ${tagLength}`, () => subtle.encrypt({ name: 'AES-GCM', iv, tagLength }, gcm, data));
    const out = await subtle.encrypt({ name: 'AES-GCM', iv, tagLength: 96 }, gcm, data);
    await t(`gcm open ${tagLength}`, () => subtle.decrypt({ name: 'AES-GCM', iv, tagLength }, gcm, out));
  }
  for (const additionalData of [bytes(0), bytes(3), bytes(3).buffer, undefined, null, 'text']) {
    await t(`gcm extra ${typeof additionalData}`, () => subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, gcm, data));
  }
  await t('gcm no iv', () => subtle.encrypt({ name: 'AES-GCM' }, gcm, data));
  await t('gcm short', () => subtle.decrypt({ name: 'AES-GCM', iv }, gcm, bytes(3)));
  await t('gcm forged', () => subtle.decrypt({ name: 'AES-GCM', iv }, gcm, bytes(33)));
  for (const n of [0, 12, 15, 16, 17]) await t(`cbc iv ${n}`, () => subtle.encrypt({ name: 'AES-CBC', iv: bytes(n) }, cbc, data));
  for (const n of [0, 12, 15, 16, 17]) await t(`ctr counter ${n}`, () => subtle.encrypt({ name: 'AES-CTR', counter: bytes(n), length: 64 }, ctr, data));
  for (const length of [0, 1, 64, 128, 129, undefined]) await t(`ctr length ${length}`, () => subtle.encrypt({ name: 'AES-CTR', counter: iv16, length }, ctr, data));
  await t('cbc empty', () => subtle.encrypt({ name: 'AES-CBC', iv: iv16 }, cbc, bytes(0)));
  await t('cbc open padding', () => subtle.decrypt({ name: 'AES-CBC', iv: iv16 }, cbc, bytes(16)));
  await t('cbc open iv', () => subtle.decrypt({ name: 'AES-CBC', iv: bytes(3) }, cbc, bytes(16)));
  await t('lower', () => subtle.encrypt({ name: 'aes-cbc', iv: iv16 }, cbc, data));
  await t('other name', () => subtle.encrypt({ name: 'AES-CTR', counter: iv16, length: 64 }, cbc, data));
  await t('no usage', async () => subtle.decrypt({ name: 'AES-CBC', iv: iv16 }, await aes('AES-CBC', ['encrypt']), bytes(16)));
  await t('no usage 2', async () => subtle.encrypt({ name: 'AES-CBC', iv: iv16 }, await aes('AES-CBC', ['decrypt']), bytes(16)));
  await t('text data', () => subtle.encrypt({ name: 'AES-CBC', iv: iv16 }, cbc, 'text'));
  await t('no data', () => subtle.encrypt({ name: 'AES-CBC', iv: iv16 }, cbc));
  await t('text iv', () => subtle.encrypt({ name: 'AES-CBC', iv: 'text' }, cbc, data));
  await t('unknown', () => subtle.encrypt({ name: 'AES-ECB' }, cbc, data));
  await t('number', () => subtle.encrypt(1, cbc, data));
  await t('no name', () => subtle.encrypt({}, cbc, data));
  await t('encrypt hmac', () => subtle.encrypt('HMAC', hmac, data));
  for (const algorithm of ['SHA-1', 'sha-256', { name: 'SHA-384' }, 'SHA-512', 'MD5', '', {}, 1]) await t(`digest ${JSON.stringify(algorithm)}`, () => subtle.digest(algorithm, data));
  await t('sign', () => subtle.sign('HMAC', hmac, data));
  await t('sign name', () => subtle.sign({ name: 'hmac' }, hmac, data));
  await t('sign aes', () => subtle.sign('HMAC', gcm, data));
  await t('sign text', () => subtle.sign('HMAC', hmac, 'text'));
  await t('verify', async () => subtle.verify('HMAC', hmac, await subtle.sign('HMAC', hmac, data), data));
  await t('verify not', () => subtle.verify('HMAC', hmac, bytes(32), data));
  await t('verify short', () => subtle.verify('HMAC', hmac, bytes(2), data));
  await t('verify usage', async () => subtle.verify('HMAC', await subtle.importKey('raw', bytes(20), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']), bytes(2), data));
  for (const length of [128, 192, 256, 100, 0, undefined, '128']) await t(`generate ${length}`, async () => (await subtle.generateKey({ name: 'AES-GCM', length }, true, ['encrypt'])).algorithm);
  for (const name of ['AES-CBC', 'AES-KW', 'HMAC', 'PBKDF2', 'SHA-1', 'ECDSA', 'X']) {
    await t(`generate ${name}`, async () => { const k = await subtle.generateKey({ name, length: 128, hash: 'SHA-1', namedCurve: 'P-256' }, true, name === 'AES-KW' ? ['wrapKey'] : name[0] === 'A' ? ['encrypt'] : ['sign']); return k; });
  }
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-384', { name: 'SHA-512' }, 'MD5', undefined]) {
    await t(`generate hmac ${JSON.stringify(hash)}`, () => subtle.generateKey({ name: 'HMAC', hash }, false, ['sign']));
    await t(`import hmac ${JSON.stringify(hash)}`, () => subtle.importKey('raw', bytes(9), { name: 'HMAC', hash }, false, ['sign']));
  }
  for (const length of [1, 7, 8, 100, 0, 1000]) await t(`generate hmac ${length}`, () => subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length }, false, ['sign']));
  for (const usages of [[], ['sign'], ['encrypt', 'encrypt'], ['nonsense'], ALL, 'encrypt', undefined, null, ['wrapKey'], ['decrypt', 'encrypt']]) {
    await t(`usages ${JSON.stringify(usages)}`, async () => (await subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, usages)).usages);
    await t(`import usages ${JSON.stringify(usages)}`, async () => (await subtle.importKey('raw', bytes(16), 'AES-GCM', true, usages)).usages);
    await t(`hmac usages ${JSON.stringify(usages)}`, async () => (await subtle.generateKey({ name: 'HMAC', hash: 'SHA-1' }, true, usages)).usages);
    await t(`ecdsa usages ${JSON.stringify(usages)}`, async () => (await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, usages)));
    await t(`ecdh usages ${JSON.stringify(usages)}`, async () => (await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, usages)));
  }
  for (const n of [0, 1, 15, 16, 24, 32, 33]) await t(`import ${n}`, async () => (await aes('AES-CBC', ['encrypt'], n)).algorithm);
  for (const format of ['raw', 'jwk', 'spki', 'pkcs8', 'x', undefined, null, 1]) {
    await t(`import ${format}`, () => subtle.importKey(format, bytes(16), 'AES-CBC', true, ['encrypt']));
    await t(`import hmac ${format}`, () => subtle.importKey(format, bytes(16), { name: 'HMAC', hash: 'SHA-1' }, true, ['sign']));
    if (format !== 'jwk') await t(`import ecdsa ${format}`, () => subtle.importKey(format, bytes(16), { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']));
    if (format !== 'jwk') await t(`import rsa ${format}`, () => subtle.importKey(format, bytes(16), { name: 'RSA-PSS', hash: 'SHA-1' }, true, ['verify']));
    await t(`import pbkdf2 ${format}`, () => subtle.importKey(format, bytes(16), 'PBKDF2', false, ['deriveBits']));
    await t(`export ${format}`, () => subtle.exportKey(format, cbc));
    await t(`export hmac ${format}`, () => subtle.exportKey(format, hmac));
  }
  const jwk = { kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAA', alg: 'A128CBC', ext: true, key_ops: ['encrypt'] };
  for (const change of [{}, { kty: 'RSA' }, { kty: undefined }, { k: undefined }, { k: '!' }, { k: 'AA' }, { alg: 'A256CBC' }, { alg: undefined }, { ext: false }, { key_ops: ['sign'] }, { use: 'sig' }, { k: 1 }]) {
    await t(`jwk ${JSON.stringify(change)}`, () => subtle.importKey('jwk', { ...jwk, ...change }, 'AES-CBC', true, ['encrypt']));
    await t(`jwk hmac ${JSON.stringify(change)}`, () => subtle.importKey('jwk', { ...jwk, alg: 'HS256', ...change }, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']));
  }
  await t('not extractable', async () => subtle.exportKey('raw', await subtle.importKey('raw', bytes(16), 'AES-CBC', false, ['encrypt'])));
  await t('export nothing', () => subtle.exportKey('raw', {}));
  const password = await subtle.importKey('raw', bytes(8), 'PBKDF2', false, ['deriveBits', 'deriveKey']);
  console.log(password); console.log(JSON.stringify(password));
  const derive = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes(8), iterations: 2 };
  for (const n of [256, 8, 0, 7, 12, null, undefined, '8']) await t(`bits ${n}`, () => subtle.deriveBits(derive, password, n));
  for (const change of [{ hash: undefined }, { salt: undefined }, { salt: bytes(0) }, { iterations: 0 }, { iterations: undefined }, { hash: { name: 'SHA-1' } }]) await t(`bits ${JSON.stringify(change)}`, () => subtle.deriveBits({ ...derive, ...change }, password, 64));
  for (const [to, usages] of [[{ name: 'AES-GCM', length: 128 }, ['encrypt']], [{ name: 'AES-GCM' }, ['encrypt']], [{ name: 'AES-GCM', length: 256 }, []], [{ name: 'HMAC', hash: 'SHA-256' }, ['sign']], ['PBKDF2', ['deriveBits']], [{ name: 'AES-KW', length: 128 }, ['wrapKey']]]) {
    await t(`derive ${JSON.stringify(to)} ${usages}`, () => subtle.deriveKey(derive, password, to, true, usages));
  }
  await t('import pbkdf2 extractable', () => subtle.importKey('raw', bytes(16), 'PBKDF2', true, ['deriveBits']));
  await t('import pbkdf2 usages', () => subtle.importKey('raw', bytes(16), 'PBKDF2', false, ['sign']));
  await t('import kw', () => subtle.importKey('raw', bytes(16), 'AES-KW', true, ['wrapKey']));
  await t('import kw 2', () => subtle.importKey('raw', bytes(16), 'AES-KW', true, ['encrypt']));
  await t('wrapKey', () => subtle.wrapKey('raw', gcm, cbc, { name: 'AES-CBC', iv: iv16 }));
  const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  console.log(JSON.stringify(pair));
  for (const hash of ['SHA-256', { name: 'SHA-1' }, 'MD5', undefined]) await t(`ecdsa ${JSON.stringify(hash)}`, async () => (await subtle.sign({ name: 'ECDSA', hash }, pair.privateKey, data)).byteLength);
  await t('ecdsa public', () => subtle.sign({ name: 'ECDSA', hash: 'SHA-1' }, pair.publicKey, data));
  await t('ecdsa verify', () => subtle.verify({ name: 'ECDSA', hash: 'SHA-1' }, pair.publicKey, bytes(64), data));
  await t('ecdsa verify short', () => subtle.verify({ name: 'ECDSA', hash: 'SHA-1' }, pair.publicKey, bytes(3), data));
  await t('ecdsa export raw', async () => (await subtle.exportKey('raw', pair.publicKey)).byteLength);
  await t('ecdsa export raw private', () => subtle.exportKey('raw', pair.privateKey));
  await t('ecdsa export spki private', () => subtle.exportKey('spki', pair.privateKey));
  await t('ecdsa export pkcs8 public', () => subtle.exportKey('pkcs8', pair.publicKey));
  await t('ecdsa jwk', async () => Object.keys(await subtle.exportKey('jwk', pair.privateKey)).sort().join());
  await t('curve', () => subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-1' }, true, ['sign']));
  await t('no curve', () => subtle.generateKey({ name: 'ECDSA' }, true, ['sign']));
  const rsa = await subtle.generateKey({ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['sign', 'verify']);
  console.log(rsa); console.log(JSON.stringify(rsa));
  for (const saltLength of [20, 32, 62, 94, 95, 200, -1, undefined]) await t(`pss ${saltLength}`, async () => (await subtle.sign({ name: 'RSA-PSS', saltLength }, rsa.privateKey, data)).byteLength);
  await t('pss verify', () => subtle.verify({ name: 'RSA-PSS', saltLength: 20 }, rsa.publicKey, bytes(128), data));
  await t('rsa jwk', async () => { const k = await subtle.exportKey('jwk', rsa.privateKey); return `${Object.keys(k).sort().join()} ${k.alg} ${k.e} ${k.key_ops} ${k.ext}`; });
  for (const change of [{ modulusLength: 0 }, { modulusLength: undefined }, { publicExponent: undefined }, { hash: undefined }]) {
    await t(`rsa ${JSON.stringify(change)}`, async () => (await subtle.generateKey({ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256', ...change }, true, ['sign'])).privateKey.algorithm);
  }
  try { await subtle.encrypt({ name: 'AES-CBC', iv: bytes(1) }, cbc, data); } catch (e) { console.log(e); console.log(JSON.stringify(e), String(e), e.toString()); }
  for (const n of [0, 1, 65536, 65537]) await t(`random ${n}`, () => crypto.getRandomValues(new Uint8Array(n)).length);
  for (const v of [new Float32Array(2), [1], new ArrayBuffer(3), 'x', new BigInt64Array(1), new DataView(new ArrayBuffer(2))]) await t(`random ${Object.prototype.toString.call(v)}`, () => typeof crypto.getRandomValues(v));
  await t('uuid', () => crypto.randomUUID().length);
  console.log(typeof CryptoKey, typeof SubtleCrypto, typeof Crypto, Object.keys(subtle).sort().join());
}
