// TextEncoder and TextDecoder, for UTF-8.
import { decode, encode } from '#web';

export class TextEncoder {
  get encoding() { return 'utf-8'; }
  encode(text = '') { return encode(String(text)); }
  encodeInto(text, target) {
    let read = 0, written = 0;
    for (const character of text) {
      const bytes = encode(character);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

export class TextDecoder {
  #fatal;
  constructor(label = 'utf-8', options = {}) {
    if (!/^(utf-?8|unicode-1-1-utf-8)$/i.test(label.trim())) {
      throw new RangeError(`this program decodes only UTF-8, not ${label}`);
    }
    this.#fatal = !!options.fatal;
  }
  get encoding() { return 'utf-8'; }
  get fatal() { return this.#fatal; }
  decode(input) {
    if (input === undefined) return '';
    const bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : input;
    return decode(bytes, this.#fatal);
  }
}
