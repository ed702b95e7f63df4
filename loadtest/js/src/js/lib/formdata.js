// What scripts import from https://jslib.k6.io/formdata/: multipart bodies by hand.
import { encode } from '#web';

export class FormData {
  #parts = [];
  constructor() {
    this.boundary = '------RWWorkerFormDataBoundary' + Math.random().toString(36);
  }
  append(name, value, fileName) {
    const file = value !== null && typeof value === 'object' && 'data' in value
      ? value
      : { data: value, filename: fileName, content_type: undefined };
    this.#parts.push({ name, data: file.data, fileName: fileName ?? file.filename, type: file.content_type });
  }
  body() {
    const chunks = [];
    for (const { name, data, fileName, type } of this.#parts) {
      let head = `--${this.boundary}\r\nContent-Disposition: form-data; name="${name}"`;
      if (fileName !== undefined) head += `; filename="${fileName}"\r\nContent-Type: ${type ?? 'application/octet-stream'}`;
      const bytes = data instanceof ArrayBuffer || ArrayBuffer.isView(data);
      chunks.push(encode(head + '\r\n\r\n'), bytes ? new Uint8Array(data.buffer ?? data) : encode(String(data)), encode('\r\n'));
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
