// What scripts import from https://jslib.k6.io/totp/: one-time passwords by time, RFC 6238.
import { hmac } from 'k6/crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function decode(text) {
  const bytes = [];
  let bits = 0, value = 0;
  for (const letter of text.toUpperCase().replace(/[\s=]+/g, '')) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) throw new Error(`the secret is not base32: ${letter}`);
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 255);
    }
  }
  return new Uint8Array(bytes);
}

export class TOTP {
  #secret;
  #digits;
  constructor(secret, digits = 6) {
    this.#secret = decode(secret);
    this.#digits = digits;
  }
  async gen(timeStep = 30, bias = 0) {
    const counter = new DataView(new ArrayBuffer(8));
    counter.setBigUint64(0, BigInt(Math.floor((Date.now() / 1000 + bias) / timeStep)));
    const sum = new DataView(hmac('sha1', this.#secret.buffer, counter.buffer, 'binary'));
    const code = sum.getUint32(sum.getUint8(19) & 15) & 0x7fffffff;
    return String(code % 10 ** this.#digits).padStart(this.#digits, '0');
  }
  async verify(code, timeStep = 30) {
    return (await this.gen(timeStep)) === String(code);
  }
}

export default { TOTP };
