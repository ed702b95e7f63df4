// The global `crypto`: random values, digests, and HMAC keys. Other algorithms say that they are not there.
import { createHash, hmac, randomBytes } from 'k6/crypto';

const HASHES = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };

function named(message, name) {
  const error = new Error(message);
  error.name = name;
  return error;
}
const name = (algorithm) => String(typeof algorithm === 'string' ? algorithm : algorithm?.name).toUpperCase();
const unsupported = (what) => named(`crypto.subtle.${what} is not supported by this program`, 'NotSupportedError');
const bytesOf = (data) => (ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data));

function hash(algorithm) {
  const known = HASHES[name(algorithm)];
  if (known === undefined) throw unsupported(`with ${name(algorithm)}`);
  return known;
}

function hmacKey(algorithm, key, extractable, usages) {
  return Object.freeze({
    type: 'secret', extractable, usages: [...usages], bytes: key,
    algorithm: { name: 'HMAC', hash: { name: name(algorithm.hash) }, length: key.length * 8 },
  });
}

function hmacOf(key, data) {
  return hmac(hash(key.algorithm.hash), key.bytes.slice().buffer, bytesOf(data).slice().buffer, 'binary');
}

export const crypto = {
  getRandomValues(array) {
    if (array.byteLength > 65536) throw named('at most 65536 bytes at once', 'QuotaExceededError');
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
    async digest(algorithm, data) {
      const hasher = createHash(hash(algorithm));
      hasher.update(bytesOf(data).slice().buffer);
      return hasher.digest('binary');
    },
    async generateKey(algorithm, extractable, usages) {
      if (name(algorithm) !== 'HMAC') throw unsupported(`generateKey for ${name(algorithm)}`);
      const block = ['SHA-384', 'SHA-512'].includes(name(algorithm.hash)) ? 128 : 64;
      return hmacKey(algorithm, new Uint8Array(randomBytes((algorithm.length ?? block * 8) / 8)), extractable, usages);
    },
    async importKey(format, data, algorithm, extractable, usages) {
      if (name(algorithm) !== 'HMAC' || format !== 'raw') throw unsupported(`importKey of ${format} for ${name(algorithm)}`);
      return hmacKey(algorithm, bytesOf(data).slice(), extractable, usages);
    },
    async exportKey(format, key) {
      if (format !== 'raw') throw unsupported(`exportKey as ${format}`);
      if (!key.extractable) throw named('the key is not extractable', 'InvalidAccessError');
      return key.bytes.slice().buffer;
    },
    async sign(algorithm, key, data) {
      if (name(algorithm) !== 'HMAC') throw unsupported(`sign with ${name(algorithm)}`);
      return hmacOf(key, data);
    },
    async verify(algorithm, key, signature, data) {
      if (name(algorithm) !== 'HMAC') throw unsupported(`verify with ${name(algorithm)}`);
      const [given, right] = [bytesOf(signature), new Uint8Array(hmacOf(key, data))];
      return given.length === right.length && given.every((byte, i) => byte === right[i]);
    },
    encrypt: async () => { throw unsupported('encrypt'); },
    decrypt: async () => { throw unsupported('decrypt'); },
    deriveBits: async () => { throw unsupported('deriveBits'); },
    deriveKey: async () => { throw unsupported('deriveKey'); },
    wrapKey: async () => { throw unsupported('wrapKey'); },
    unwrapKey: async () => { throw unsupported('unwrapKey'); },
  },
};
