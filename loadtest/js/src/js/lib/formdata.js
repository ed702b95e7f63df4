// What scripts import from https://jslib.k6.io/formdata/: multipart bodies by hand.
import { encode } from '#web';

// Every part has a type, text too.
function partOf(data) {
  return typeof data === 'string' ? { data, content_type: 'text/plain' } : data;
}

function bytesOf(data) {
  if (Array.isArray(data)) return Uint8Array.from(data);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // One byte a character: text that is not Latin 1 has to be given as bytes.
  return typeof data === 'string' ? Uint8Array.from(data, (c) => c.charCodeAt(0) & 255) : new Uint8Array(0);
}

export class FormData {
  constructor() {
    this.boundary = '------RWWorkerFormDataBoundary' + Math.random().toString(36);
    this.parts = [];
  }
  append(name, data) {
    if (arguments.length < 2) throw new SyntaxError('append() needs a name and a value');
    this.parts.push({ field: name, file: partOf(data) });
  }
  body() {
    const chunks = [];
    for (const { field, file } of this.parts) {
      let head = `--${this.boundary}\r\nContent-Disposition: form-data; name="${field}"`;
      if (file.filename) head += `; filename="${file.filename.replace(/"/g, '%22')}"`;
      head += `\r\nContent-Type: ${file.content_type || 'application/octet-stream'}\r\n\r\n`;
      chunks.push(encode(head), bytesOf(file.data), encode('\r\n'));
    }
    chunks.push(encode(`--${this.boundary}--\r\n`));
    const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole.buffer;
  }
}

export default { FormData };
