//! The global `crypto.subtle`, against published vectors and against keys, signatures and ciphertexts that another
//! implementation made (`tests/files/keys.json`). And streams.

use super::host::lines;

const HELP: &str = "
    const { subtle } = crypto;
    const hex = (text) => new Uint8Array(text.match(/../g).map((pair) => parseInt(pair, 16)));
    const show = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const from = (text) => b64decode(text);
    const text = (bytes) => new TextDecoder().decode(new Uint8Array(bytes));
    const keys = JSON.parse(open('keys.json'));
    const message = new TextEncoder().encode(keys.message);
    const refused = async (work) => { try { await work(); return 'no error'; } catch (e) { return e.name; } };
";

fn run(body: &str) -> Vec<String> {
    let script = format!(
        "import {{ b64decode }} from 'k6/encoding';\n{HELP}\nexport default async () => {{\n{body}\n}};"
    );
    lines(&script).into_iter().map(|line| line.trim_start_matches("Info: ").to_owned()).collect()
}

#[test]
fn aes_and_pbkdf2_agree_with_published_vectors() {
    let found = run(
        "const key = hex('2b7e151628aed2a6abf7158809cf4f3c'), block = hex('6bc1bee22e409f96e93d7e117393172a');
         const make = (bytes, name) => subtle.importKey('raw', bytes, name, true, ['encrypt', 'decrypt']);
         const cbc = await make(key, 'AES-CBC'), iv = hex('000102030405060708090a0b0c0d0e0f');
         const out = await subtle.encrypt({ name: 'AES-CBC', iv }, cbc, block);
         console.log(show(out).slice(0, 32), out.byteLength, show(await subtle.decrypt({ name: 'aes-cbc', iv }, cbc, out)));
         const ctr = { name: 'AES-CTR', counter: hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'), length: 64 };
         console.log(show(await subtle.encrypt(ctr, await make(key, 'AES-CTR'), block)));
         const gcm = { name: 'AES-GCM', iv: hex('cafebabefacedbaddecaf888'),
           additionalData: hex('feedfacedeadbeeffeedfacedeadbeefabaddad2') };
         const plain = hex('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39');
         const own = await make(hex('feffe9928665731c6d6a8f9467308308'), 'AES-GCM');
         const sealed = await subtle.encrypt(gcm, own, plain);
         console.log(show(sealed.slice(-16)), show(await subtle.decrypt(gcm, own, sealed)) === show(plain));
         new Uint8Array(sealed)[0] ^= 1;
         console.log(await refused(() => subtle.decrypt(gcm, own, sealed)));
         const password = await subtle.importKey('raw', new TextEncoder().encode('password'), 'PBKDF2', false, ['deriveBits', 'deriveKey']);
         const derive = { name: 'PBKDF2', hash: 'SHA-1', salt: new TextEncoder().encode('salt'), iterations: 4096 };
         console.log(show(await subtle.deriveBits(derive, password, 160)));
         const derived = await subtle.deriveKey(derive, password, { name: 'AES-GCM', length: 128 }, true, ['encrypt']);
         console.log(show(await subtle.exportKey('raw', derived)), JSON.stringify(await subtle.exportKey('jwk', derived)));",
    );
    assert_eq!(
        found,
        [
            "7649abac8119b246cee98e9b12e9197d 32 6bc1bee22e409f96e93d7e117393172a",
            "874d6191b620e3261bef6864990db6ce",
            "5bc94fbc3221a5db94fae95ae7121a47 true",
            "OperationError",
            "4b007901b765489abead49d926f721d065a429c1",
            "4b007901b765489abead49d926f721d0 {\"ext\":true,\"key_ops\":[\"encrypt\"],\"kty\":\"oct\",\
             \"k\":\"SwB5AbdlSJq-rUnZJvch0A\",\"alg\":\"A128GCM\"}",
        ]
    );
}

#[test]
fn elliptic_curves_agree_with_another_implementation() {
    let found = run(
        "for (const curve of ['P-256', 'P-384', 'P-521']) {
           const k = keys[curve], ecdsa = { name: 'ECDSA', namedCurve: curve }, ecdh = { name: 'ECDH', namedCurve: curve };
           const algorithm = { name: 'ECDSA', hash: { name: 'SHA-256' } };
           const open = await subtle.importKey('spki', from(k.spki), ecdsa, true, ['verify']);
           const own = await subtle.importKey('pkcs8', from(k.pkcs8), ecdsa, true, ['sign']);
           const signature = await subtle.sign(algorithm, own, message);
           console.log(await subtle.verify(algorithm, open, from(k.signature), message),
             await subtle.verify(algorithm, open, signature, message),
             await subtle.verify(algorithm, open, from(k.signature), new Uint8Array(3)));
           const again = await subtle.importKey('jwk', await subtle.exportKey('jwk', own), ecdsa, true, ['sign']);
           const jwk = await subtle.exportKey('jwk', again);
           console.log(['x', 'y', 'd', 'crv'].every((part) => jwk[part] === k.jwk[part]),
             show(await subtle.exportKey('pkcs8', again)) === show(await subtle.exportKey('pkcs8', own)));
           const private_ = await subtle.importKey('jwk', k.jwk, ecdh, false, ['deriveBits']);
           const other = await subtle.importKey('raw', from(k.other), ecdh, true, []);
           const secret = await subtle.deriveBits({ name: 'ECDH', public: other }, private_, null);
           console.log(show(secret) === show(from(k.secret)), show(await subtle.exportKey('raw', other)) === show(from(k.other)),
             await refused(() => subtle.exportKey('jwk', private_)));
         }
         const pair = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveKey']);
         console.log(pair.privateKey.type, pair.publicKey.type, pair.publicKey.usages.length, pair.privateKey.algorithm.namedCurve,
           await refused(() => subtle.generateKey({ name: 'ECDH', namedCurve: 'P-1' }, true, ['deriveKey'])),
           await refused(() => subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['encrypt'])));",
    );
    let each = ["true true false", "true true", "true true InvalidAccessError"];
    let mut expected: Vec<&str> = each.iter().cycle().take(9).copied().collect();
    expected.push("private public 0 P-256 NotSupportedError SyntaxError");
    assert_eq!(found, expected);
}

#[test]
fn rsa_agrees_with_another_implementation() {
    let found = run(
        "const k = keys.rsa, of = (name) => ({ name, hash: 'SHA-256' });
         const both = async (name, ...usages) => [
           await subtle.importKey('pkcs8', from(k.pkcs8), of(name), true, [usages[0]]),
           await subtle.importKey('spki', from(k.spki), of(name), true, [usages[1]])];
         const plain = 'RSASSA-PKCS1-v1_5', [own, open] = await both(plain, 'sign', 'verify');
         console.log(show(await subtle.sign(plain, own, message)) === show(from(k.pkcs1)),
           await subtle.verify(plain, open, from(k.pkcs1), message), own.algorithm.modulusLength, open.algorithm.hash.name);
         const pss = { name: 'RSA-PSS', saltLength: 32 }, [signer, verifier] = await both('RSA-PSS', 'sign', 'verify');
         console.log(await subtle.verify(pss, verifier, from(k.pss), message),
           await subtle.verify(pss, verifier, await subtle.sign(pss, signer, message), message),
           await subtle.verify(pss, verifier, from(k.pss), new Uint8Array(2)));
         const oaep = { name: 'RSA-OAEP', label: new TextEncoder().encode('label') };
         const [closed, opened] = await both('RSA-OAEP', 'decrypt', 'encrypt');
         console.log(text(await subtle.decrypt(oaep, closed, from(k.oaep))),
           text(await subtle.decrypt(oaep, closed, await subtle.encrypt(oaep, opened, message))));
         const jwk = await subtle.exportKey('jwk', signer);
         console.log(Object.keys(k.jwk).every((part) => jwk[part] === k.jwk[part]), jwk.alg);
         const back = await subtle.importKey('jwk', jwk, of('RSA-PSS'), true, ['sign']);
         console.log(show(await subtle.exportKey('pkcs8', back)) === show(await subtle.exportKey('pkcs8', signer)),
           await refused(() => subtle.sign(pss, verifier, message)),
           await refused(() => subtle.importKey('pkcs8', new Uint8Array(9), of('RSA-PSS'), true, ['sign'])));",
    );
    assert_eq!(
        found,
        [
            "true true 2048 SHA-256",
            "true true false",
            "a message a message",
            "true undefined",
            "true InvalidAccessError DataError",
        ]
    );
}

#[test]
fn streams_are_read_and_written() {
    let found = lines(
        "import { CountQueuingStrategy, ReadableStream, WritableStream } from 'k6/experimental/streams';
         export default async () => {
           let n = 0;
           const numbers = new ReadableStream({ pull(c) { c.enqueue(++n); if (n === 2) c.close(); } },
             new CountQueuingStrategy({ highWaterMark: 1 }));
           const reader = numbers.getReader();
           for (let r; !(r = await reader.read()).done;) console.log(r.value);
           await reader.closed;
           try { numbers.getReader(); } catch (e) { console.log(e.name, numbers.locked); }
           const got = [];
           const writer = new WritableStream({ write(c) { got.push(c); }, close() { got.push('end'); } }).getWriter();
           writer.write('a');
           console.log(writer.desiredSize);
           await writer.ready;
           await writer.write('b');
           await writer.close();
           console.log(got.join());
           const late = new ReadableStream({ start(c) { setTimeout(() => c.error(new Error('late')), 5); } }).getReader();
           try { await late.read(); } catch (e) { console.log(e.message); }
           let reason;
           await new ReadableStream({ cancel(why) { reason = why; } }).cancel('enough');
           console.log(reason);
         };",
    );
    let expected = ["1", "2", "TypeError true", "0", "a,b,end", "late", "enough"];
    assert_eq!(found, expected.map(|line| format!("Info: {line}")));
}
