// The global `crypto`: random values, and crypto.subtle with the algorithms that k6 has.
import { createHash, hmac, randomBytes } from 'k6/crypto';
import { b64decode, b64encode } from 'k6/encoding';
import { fail as throwGo } from '#go';
import { ofParts, parts, run, test } from '#subtle';

const HASHES = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };
const BITS = { 'SHA-1': 160, 'SHA-256': 256, 'SHA-384': 384, 'SHA-512': 512 };
const CURVES = { 'P-256': 256, 'P-384': 384, 'P-521': 528 };
const AES = ['AES-CBC', 'AES-CTR', 'AES-GCM', 'AES-KW'];
const RSA = ['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'RSA-OAEP'];
const EC = ['ECDH', 'ECDSA'];
const MADE = [...AES, 'HMAC', ...EC, ...RSA];
const SIGNS = ['HMAC', 'ECDSA', 'RSA-PSS', 'RSASSA-PKCS1-v1_5'];
// Which algorithms k6 has for what.
const KNOWN = {
  digest: Object.keys(HASHES), generateKey: [...MADE, ...Object.keys(HASHES)], importKey: [...MADE, 'PBKDF2'],
  encrypt: [...AES, 'RSA-OAEP'], decrypt: [...AES, 'RSA-OAEP'], sign: SIGNS, verify: SIGNS,
  deriveBits: [...Object.keys(HASHES), 'PBKDF2', 'ECDH'], deriveKey: [...Object.keys(HASHES), 'PBKDF2', 'ECDH'],
  getKeyLength: AES,
};

function fail(name, message) {
  // Both can be listed, as in k6.
  throw Object.assign(new Error(), { name, message });
}

// What an operation throws becomes an error of Web Crypto's kind.
function attempt(kind, work) {
  try { return work(); } catch (error) { return fail(kind, error.message); }
}

const bytesOf = (data) => (ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data));
function input(data, what = 'data') {
  if (data === undefined || data === null) fail('TypeError', `${what} is null or undefined`);
  if (!(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data)) {
    fail('OperationError', `${what} is neither an ArrayBuffer, nor a TypedArray nor DataView`);
  }
  return bytesOf(data).slice();
}
const encode = (bytes) => b64encode(bytes, 'rawurl');
function decode(text, what) {
  if (typeof text !== 'string' || text === '') fail('DataError', `the key has no ${what}`);
  return attempt('DataError', () => new Uint8Array(b64decode(text, 'rawurl')));
}

// What k6 reads as bytes wherever an algorithm has some: text too, and nothing where there are none.
function optional(data) {
  if (data === undefined || data === null) return new Uint8Array(0);
  return typeof data === 'string' ? new Uint8Array(b64decode(b64encode(data))) : input(data);
}

function named(algorithm, what) {
  if (typeof algorithm !== 'string' && (typeof algorithm !== 'object' || algorithm === null)) {
    fail('SyntaxError', 'algorithm cannot be interpreted as a string or an object');
  }
  const name = String((typeof algorithm === 'string' ? algorithm : algorithm.name) ?? '').toUpperCase();
  const known = KNOWN[what].find((one) => one.toUpperCase() === name);
  return known ?? fail('NotSupportedError', `algorithm "${name}" doesn't support (in implementation) operation "${what}"`);
}
function hashOf(algorithm) {
  if (algorithm === undefined || algorithm === null) fail('SyntaxError', 'could not get hash from algorithm parameter');
  const name = named(algorithm, 'generateKey');
  return HASHES[name] === undefined ? fail('NotSupportedError', `hash algorithm is not supported ${name}`) : name;
}
function digest(name, data) {
  const hasher = createHash(HASHES[name]);
  hasher.update(data);
  return new Uint8Array(hasher.digest('binary'));
}
function curveOf({ namedCurve } = {}) {
  if (namedCurve === undefined) fail('SyntaxError', 'could not get namedCurve from algorithm parameter');
  return CURVES[namedCurve] === undefined ? fail('NotSupportedError', `elliptic curve ${namedCurve} is not supported`) : namedCurve;
}

// An algorithm with the parts that k6's have, in the same order.
function shape({ name, hash, ...rest }) {
  const algorithm = { name };
  if (isAes(name) || name === 'PBKDF2') return { algorithm, name, ...rest };
  const whole = { key_algorithm: { algorithm, name }, algorithm, name };
  if (name === 'HMAC') return { ...whole, hash: { algorithm: { name: hash }, name: hash }, ...rest, hashFn: () => createHash(HASHES[hash]) };
  return hash === undefined ? { ...whole, ...rest } : { ...whole, ...rest, hash: { name: hash } };
}

// What keys are made of stays outside of them.
const secrets = new WeakMap();
// What k6's keys have besides; the console shows it.
const METHODS = {
  containsUsage(usage) { return this.usages.includes(usage); },
  isKeyPair: () => false,
  resolveCryptoKey() { return this; },
  resolveCryptoKeyPair: () => fail('GoError', 'not a Crypto Key Pair'),
  validate: () => null,
};
const PAIR_METHODS = { isKeyPair: () => true, resolveCryptoKey: () => fail('GoError', 'not a CryptoKey'), resolveCryptoKeyPair() { return this; } };
export class CryptoKey {
  constructor(type, algorithm, extractable, usages, bytes) {
    Object.assign(this, { type, extractable: !!extractable, algorithm: shape(algorithm), usages: [...usages], ...METHODS });
    secrets.set(this, new Uint8Array(bytes));
    Object.freeze(this);
  }
}
const secret = (key) => secrets.get(key);

function usable(key, usage, algorithm) {
  const name = named(algorithm, usage);
  if (secret(key) === undefined) fail('InvalidAccessError', 'key argument does hold not a valid CryptoKey object');
  const whose = usage.endsWith('crypt') ? `${usage}'s ` : '';
  if (name !== key.algorithm.name) fail('InvalidAccessError', `${whose}algorithm name does not match key algorithm name`);
  if (!key.usages.includes(usage)) fail('InvalidAccessError', `${whose}key does not contain the '${usage}' usage`);
}
const ofType = (key, type) => (key.type === type ? secret(key) : fail('InvalidAccessError', `the key is not a ${type} key`));

// Which usages each kind of key may have.
const WRAP = ['wrapKey', 'unwrapKey'];
const USAGES = {
  'AES-CBC': ['encrypt', 'decrypt', ...WRAP], 'AES-CTR': ['encrypt', 'decrypt', ...WRAP], 'AES-GCM': ['encrypt', 'decrypt', ...WRAP],
  'AES-KW': ['encrypt', 'decrypt', ...WRAP], HMAC: ['sign', 'verify'], PBKDF2: ['deriveKey', 'deriveBits'],
  ECDH: ['deriveKey', 'deriveBits'], ECDSA: ['sign', 'verify'], 'RSA-OAEP': ['encrypt', 'decrypt', ...WRAP],
  'RSA-PSS': ['sign', 'verify'], 'RSASSA-PKCS1-v1_5': ['sign', 'verify'],
};
const PUBLIC = { ECDH: [], ECDSA: ['verify'], 'RSA-OAEP': ['encrypt', 'wrapKey'], 'RSA-PSS': ['verify'], 'RSASSA-PKCS1-v1_5': ['verify'] };
function allowed(name, usages, mayBeEmpty) {
  const list = usages ?? [];
  if (!Array.isArray(list)) fail('TypeError', `could not convert ${list} to []string`);
  const bad = list.find((usage) => !USAGES[name]?.includes(usage));
  if (bad !== undefined) fail('SyntaxError', `invalid key usage: ${bad}`);
  if (!mayBeEmpty && list.length === 0) {
    fail('SyntaxError', isEc(name) || isRsa(name) ? 'key usages cannot be empty' : 'usages cannot not be empty for a secret or private CryptoKey');
  }
  return list;
}

const isAes = (name) => name.startsWith('AES-');
const isRsa = (name) => name.startsWith('RSA');
const isEc = (name) => name.startsWith('EC');

// A pair from a private key in PKCS #8.
function pair(name, algorithm, extractable, usages, privateBytes, publicBytes) {
  const open = usages.filter((usage) => PUBLIC[name].includes(usage));
  const closed = usages.filter((usage) => !PUBLIC[name].includes(usage));
  return {
    privateKey: new CryptoKey('private', algorithm, extractable, closed, privateBytes),
    publicKey: new CryptoKey('public', algorithm, true, open, publicBytes),
    ...PAIR_METHODS,
  };
}

function generate(algorithm, extractable, usages) {
  const name = named(algorithm, 'generateKey');
  if (isAes(name)) {
    if (algorithm.length === undefined) fail('SyntaxError', 'could not get length from algorithm parameter');
    allowed(name, usages);
    const length = Math.trunc(Number(algorithm.length));
    if (![128, 192, 256].includes(length)) fail('OperationError', 'invalid key length');
    return new CryptoKey('secret', { name, length }, extractable, usages, randomBytes(length / 8));
  }
  if (name === 'HMAC') {
    allowed(name, usages);
    const hash = hashOf(algorithm.hash);
    const length = algorithm.length ?? (BITS[hash] > 256 ? 1024 : 512);
    if (!(length > 0)) fail('OperationError', 'algorithm\'s length cannot be 0');
    return new CryptoKey('secret', { name, hash, length }, extractable, usages, randomBytes(Math.ceil(length / 8)));
  }
  if (isEc(name)) {
    allowed(name, usages);
    const namedCurve = curveOf(algorithm);
    const bytes = run('ecGenerate', [namedCurve], [], []);
    return pair(name, { name, namedCurve }, extractable, usages, bytes, run('ecPublic', [namedCurve], [], [bytes]));
  }
  if (isRsa(name)) {
    allowed(name, usages);
    const { modulusLength, publicExponent } = algorithm;
    if (typeof modulusLength !== 'number') fail('SyntaxError', 'could not get modulusLength from algorithm parameter');
    if (publicExponent === undefined) fail('SyntaxError', 'could not get publicExponent from algorithm parameter');
    const hash = hashOf(algorithm.hash);
    const exponent = input(publicExponent, 'publicExponent').reduce((sum, byte) => sum * 256 + byte, 0);
    const bytes = attempt('OperationError', () => run('rsaGenerate', [], [modulusLength, exponent], []));
    const about = { name, modulusLength, hash };
    return pair(name, about, extractable, usages, bytes, run('rsaPublic', [], [], [bytes]));
  }
  return fail('NotImplemented', `unsupported key generation algorithm '${name}', accepted values are: ${MADE.join(', ')}`);
}

const trimmed = (bytes) => bytes.slice(Math.max(bytes.findIndex((byte) => byte !== 0), 0));
const RSA_PARTS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];

function importSymmetric(name, format, data, algorithm, extractable, usages) {
  let bytes;
  if (format === 'jwk') {
    if (name === 'PBKDF2') fail('NotSupportedError', `invalid format: ${format}`);
    if (data?.kty !== 'oct') fail('DataError', `invalid symmetric JWK: invalid key type: ${data?.kty ?? ''}`);
    if (data.k === undefined) fail('DataError', 'invalid symmetric JWK: key (k) is required');
    bytes = decode(data.k, 'k');
  } else {
    if (format !== 'raw') fail('NotSupportedError', name === 'PBKDF2' ? `invalid format: ${format}` : `unsupported key format ${format}`);
    bytes = input(data, 'key data');
  }
  if (name === 'PBKDF2') {
    if (extractable) fail('SyntaxError', 'invalid value for param extractable ');
    return new CryptoKey('secret', { name }, false, allowed(name, usages), bytes);
  }
  allowed(name, usages);
  if (isAes(name)) {
    if (![16, 24, 32].includes(bytes.length)) fail('DataError', `invalid key length ${bytes.length} bytes`);
    return new CryptoKey('secret', { name, length: bytes.length * 8 }, extractable, usages, bytes);
  }
  if (bytes.length === 0) fail('DataError', 'key length is zero');
  const about = { name, hash: hashOf(algorithm.hash), length: algorithm.length ?? bytes.length * 8 };
  return new CryptoKey('secret', about, extractable, usages, bytes);
}

function importEc(name, format, data, algorithm, extractable, usages) {
  const namedCurve = curveOf(algorithm);
  const read = (kind, bytes) => attempt('DataError', () => run('ecImport', [namedCurve, kind], [], [bytes]));
  const make = (type, bytes) => new CryptoKey(type, { name, namedCurve }, extractable, allowed(name, usages, true), bytes);
  if (format === 'jwk') {
    if (data?.kty !== 'EC') fail('DataError', `invalid key type: ${data?.kty}`);
    if (data.crv !== namedCurve) fail('DataError', `the key is of the curve ${data.crv}`);
    if (data.d !== undefined) return make('private', read('scalar', decode(data.d, 'd')));
    const size = CURVES[namedCurve] / 8;
    const point = new Uint8Array(1 + 2 * size);
    point[0] = 4;
    const [x, y] = [decode(data.x, 'x'), decode(data.y, 'y')];
    if (x.length > size || y.length > size) fail('DataError', 'a coordinate is too long');
    point.set(x, 1 + size - x.length);
    point.set(y, 1 + 2 * size - y.length);
    return make('public', read('raw', point));
  }
  if (!['raw', 'spki', 'pkcs8'].includes(format)) fail('NotSupportedError', `unsupported key format ${format} for ${name}`);
  return make(format === 'pkcs8' ? 'private' : 'public', read(format, input(data, 'key data')));
}

function importRsa(name, format, data, algorithm, extractable, usages) {
  let bytes;
  let type = format === 'pkcs8' ? 'private' : 'public';
  if (format === 'jwk') {
    if (data?.kty !== 'RSA') fail('DataError', `invalid key type: ${data?.kty}`);
    type = data.d === undefined ? 'public' : 'private';
    const names = type === 'public' ? RSA_PARTS.slice(0, 2) : RSA_PARTS;
    bytes = attempt('DataError', () => ofParts(names.map((part) => trimmed(decode(data[part], part)))));
  } else {
    if (!['spki', 'pkcs8'].includes(format)) fail('NotSupportedError', `unsupported key format ${format} for algorithm ${name}`);
    bytes = attempt('DataError', () => run('rsaImport', [format], [], [input(data, 'key data')]));
  }
  const [n] = parts(type === 'private', bytes);
  const modulusLength = n.byteLength * 8 - Math.clz32(new Uint8Array(n)[0]) + 24;
  const about = { name, modulusLength, hash: hashOf(algorithm.hash) };
  return new CryptoKey(type, about, extractable, allowed(name, usages, true), bytes);
}

function importKey(format, data, algorithm, extractable, usages) {
  const name = named(algorithm, 'importKey');
  if (!['raw', 'jwk', 'spki', 'pkcs8'].includes(format)) fail('ImplementationError', `unsupported format ${format ?? ''}`);
  if (isEc(name)) return importEc(name, format, data, algorithm, extractable, usages);
  if (isRsa(name)) return importRsa(name, format, data, algorithm, extractable, usages);
  return importSymmetric(name, format, data, algorithm, extractable, usages);
}

function exportKey(format, key) {
  const bytes = secret(key) ?? fail('ImplementationError', 'unable to extract CryptoKey from key object');
  if (!key.extractable) fail('InvalidAccessError', 'the key is not extractable');
  const { name, namedCurve } = key.algorithm;
  const shared = { ext: key.extractable, key_ops: [...key.usages] };
  const unknown = () => fail('NotSupportedError', `unsupported key format ${format ?? ''}`);
  if (isEc(name) || isRsa(name)) {
    if (format === 'spki') return ofType(key, 'public').slice().buffer;
    if (format === 'pkcs8') return ofType(key, 'private').slice().buffer;
  }
  if (isEc(name)) {
    if (format === 'raw') return run('ecPoint', [namedCurve], [], [ofType(key, 'public')]);
    if (format !== 'jwk') unknown();
    const open = key.type === 'public' ? bytes : new Uint8Array(run('ecPublic', [namedCurve], [], [bytes]));
    const point = new Uint8Array(run('ecPoint', [namedCurve], [], [open]));
    const size = (point.length - 1) / 2;
    const jwk = { kty: 'EC', crv: namedCurve, x: encode(point.slice(1, 1 + size)), y: encode(point.slice(1 + size)) };
    if (key.type === 'private') jwk.d = encode(new Uint8Array(run('ecScalar', [namedCurve], [], [bytes])));
    return jwk;
  }
  if (isRsa(name)) {
    if (format !== 'jwk') unknown();
    const numbers = parts(key.type === 'private', bytes);
    return { kty: 'RSA', ...Object.fromEntries(numbers.map((number, i) => [RSA_PARTS[i], encode(new Uint8Array(number))])) };
  }
  if (format === 'raw') return bytes.slice().buffer;
  if (format !== 'jwk') unknown();
  const alg = isAes(name) ? `A${key.algorithm.length}${name.slice(4)}` : `HS${key.algorithm.hash.name.slice(4)}`;
  return { ...shared, kty: 'oct', k: encode(bytes), alg };
}

// The length of a tag in bits, in words of k6's for each direction.
function tagOf({ tagLength }, sealing) {
  const length = Math.trunc(Number(tagLength ?? 0)) || 128;
  if ([96, 104, 112, 120, 128].includes(length)) return length;
  if (length !== 32 && length !== 64) {
    return fail('OperationError', `invalid tag length, ${sealing ? 'should be one of' : 'accepted values are'} 96, 104, 112, 120, 128`);
  }
  return sealing ? fail('NotSupportedError', 'tag length 32 and 64 are not supported')
    : fail('OperationError', 'invalid tag length, should be within 96 <= length <= 128 bounds');
}

function crypt(direction, algorithm, key, data) {
  const usage = direction.toLowerCase();
  usable(key, usage, algorithm);
  const { name } = key.algorithm;
  const bytes = input(data);
  const sealing = direction === 'Encrypt';
  const check = (right, message) => right || fail('OperationError', message);
  switch (name) {
    case 'AES-CBC': {
      const iv = optional(algorithm.iv);
      check(iv.length === 16, sealing ? 'iv length is not 16 bytes' : 'iv length is invalid, should be 16 bytes');
      if (sealing) check(bytes.length > 0, 'could not pad plaintext');
      return attempt('OperationError', () => run('cbc' + direction, [], [], [secret(key), iv, bytes]));
    }
    case 'AES-CTR': {
      const counter = optional(algorithm.counter);
      check(counter.length === 16, 'counter length is not 16 bytes');
      check(algorithm.length > 0 && algorithm.length <= 128, 'invalid counter length, out of the 0 < x < 128 bounds');
      return attempt('OperationError', () => run('ctr', [], [], [secret(key), counter, bytes]));
    }
    case 'AES-GCM': {
      const iv = optional(algorithm.iv);
      const only12 = () => iv.length === 12 || fail('NotSupportedError', 'only 12 bytes long iv are supported');
      if (sealing) only12();
      const tag = tagOf(algorithm, sealing);
      check(sealing || bytes.length * 8 >= tag, 'ciphertext is too short');
      check(iv.length > 0, 'iv length is too long');
      only12();
      const given = [secret(key), iv, bytes, optional(algorithm.additionalData)];
      return attempt('OperationError', () => run('gcm' + direction, [], [tag], given));
    }
    case 'RSA-OAEP': {
      const half = ofType(key, sealing ? 'public' : 'private');
      const given = [half, bytes, optional(algorithm.label)];
      return attempt('OperationError', () => run('oaep' + direction, [key.algorithm.hash.name], [], given));
    }
    default: return fail('NotSupportedError', `unsupported algorithm for ${usage}: ${name}`);
  }
}

const macOf = (key, data) => hmac(HASHES[key.algorithm.hash.name], secret(key), data, 'binary');
const saltOf = ({ name }, { saltLength }) => (name === 'RSA-PSS'
  ? [typeof saltLength === 'number' ? saltLength : fail('SyntaxError', 'could not get saltLength from algorithm parameter')] : []);

function sign(algorithm, key, data) {
  usable(key, 'sign', algorithm);
  const { name, hash, namedCurve } = key.algorithm;
  const bytes = input(data);
  if (name === 'HMAC') return macOf(key, bytes);
  const half = ofType(key, 'private');
  if (name === 'ECDSA') return run('ecSign', [namedCurve], [], [half, digest(hashOf(algorithm.hash), bytes)]);
  const salt = saltOf(key.algorithm, algorithm);
  try {
    return run('rsaSign', [hash.name], salt, [half, digest(hash.name, bytes)]);
  } catch {
    return fail('OperationError', 'could not sign data: crypto/rsa: message too long for RSA key size');
  }
}

function verify(algorithm, key, signature, data) {
  usable(key, 'verify', algorithm);
  const { name, hash, namedCurve } = key.algorithm;
  const [given, bytes] = [input(signature, 'signature'), input(data)];
  if (name === 'HMAC') {
    const right = new Uint8Array(macOf(key, bytes));
    return given.length === right.length && given.every((byte, i) => byte === right[i]);
  }
  const half = ofType(key, 'public');
  if (name === 'ECDSA') return test('ec', [namedCurve], [], [half, given, digest(hashOf(algorithm.hash), bytes)]);
  return test('rsa', [hash.name], saltOf(key.algorithm, algorithm), [half, digest(hash.name, bytes), given]);
}

function derive(usage, algorithm, key, length) {
  usable(key, usage, algorithm);
  const { name, namedCurve } = key.algorithm;
  if (name === 'PBKDF2') {
    const salt = input(algorithm.salt, 'field salt');
    if ((algorithm.iterations ?? null) === null) fail('TypeError', 'field iterations is null or undefined');
    if (!(algorithm.iterations > 0)) fail('OperationError', "number of iterations can't be 0");
    if (!(length > 0)) fail('OperationError', 'length can not be 0');
    if (length % 8 !== 0) fail('OperationError', 'currently only multiples of 8 are supported for length');
    return run('pbkdf2', [hashOf(algorithm.hash)], [algorithm.iterations, length / 8], [secret(key), salt]);
  }
  if (name !== 'ECDH') fail('NotSupportedError', `unsupported algorithm for ${usage}: ${name}`);
  const other = algorithm.public;
  if (secret(other) === undefined) fail('TypeError', 'algorithm does not contain a public key');
  const [own, their] = [ofType(key, 'private'), ofType(other, 'public')];
  if (other.algorithm.namedCurve !== namedCurve) fail('InvalidAccessError', 'the public key is of another curve');
  const all = run('ecAgree', [namedCurve], [], [own, their]);
  if (length === null || length === undefined || length === 0) return all;
  if (length / 8 > all.byteLength) fail('OperationError', 'length is too large');
  return all.slice(0, Math.ceil(length / 8));
}

function lengthOf(algorithm) {
  named(algorithm, 'getKeyLength');
  return algorithm.length ?? fail('OperationError', 'aes length parameter not specified');
}

const INTEGERS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];

export const crypto = {
  getRandomValues(array) {
    if (!INTEGERS.some((type) => array instanceof type)) throwGo("TypeMismatchError: typedArray parameter isn't a TypedArray instance");
    if (array.byteLength > 65536) throwGo('QuotaExceededError: typedArray parameter is too big; maximum length is 65536');
    if (array.byteLength > 0) bytesOf(array).set(new Uint8Array(randomBytes(array.byteLength)));
    return array;
  },
  randomUUID() {
    const bytes = new Uint8Array(randomBytes(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  },
  subtle: {
    async digest(algorithm, data) { return digest(named(algorithm, 'digest'), input(data)).buffer; },
    async generateKey(algorithm, extractable, usages) { return generate(algorithm, extractable, usages); },
    async importKey(format, data, algorithm, extractable, usages) { return importKey(format, data, algorithm, extractable, usages); },
    async exportKey(format, key) { return exportKey(format, key); },
    async encrypt(algorithm, key, data) { return crypt('Encrypt', algorithm, key, data); },
    async decrypt(algorithm, key, data) { return crypt('Decrypt', algorithm, key, data); },
    async sign(algorithm, key, data) { return sign(algorithm, key, data); },
    async verify(algorithm, key, signature, data) { return verify(algorithm, key, signature, data); },
    async deriveBits(algorithm, key, length) { return derive('deriveBits', algorithm, key, length); },
    async deriveKey(algorithm, key, derived, extractable, usages) {
      return importKey('raw', derive('deriveKey', algorithm, key, lengthOf(derived)), derived, extractable, usages);
    },
    // As in k6.
    async wrapKey() { return throwGo('not implemented'); },
    async unwrapKey() { return throwGo('not implemented'); },
  },
};
