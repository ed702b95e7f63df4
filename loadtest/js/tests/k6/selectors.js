import { parseHTML } from 'k6/html';
const t = (name, f) => {
  let shown;
  try { const v = f(); shown = v === undefined ? "undefined" : v instanceof ArrayBuffer ? "bytes " + new Uint8Array(v).join() : JSON.stringify(v); } catch (e) { shown = `${e.constructor.name} ${e}`; }
  console.log(name, shown);
};
const page = parseHTML(`<!DOCTYPE html><html lang="en"><head><title>T</title></head><body><div id="d" class="cls two"><p id="p1" class="cls x" data-x="1">para <b>bold</b></p><p id="p2" lang="en-US" data-x="A">second</p><p></p></div>
<ul><li class="a">one</li><li>two</li><li class="a">three</li></ul><a href="http://e.com/x.html" id="a1">Ex</a><a id="a2">No</a>
<form id="f"><input name="t" value="v" id="i1"><input type="checkbox" checked id="c1"><input disabled id="i2"><select id="s"><option>1</option><option selected>2</option></select><fieldset disabled><input id="i3"></fieldset><button>b</button></form></body></html>`);
export default function () {
  for (const selector of ['a', 'a[href]', 'a:first', 'li:eq(1)', 'li:first-child', 'li:last-child', 'li:nth-child(2)', 'li:nth-child(odd)', 'li:nth-child(2n+1)', 'li:nth-child(-n+2)', 'li:nth-last-child(1)', 'li:nth-of-type(2)', 'li:only-child', 'p:empty', 'p:contains("para")', 'p:contains(PARA)', 'p:containsOwn(bold)', 'p:matches(^sec)', 'div:has(p)', 'p:has(> b)', 'p:not(.x)', '#p1', '.cls', '.cls.two', 'div > p', 'p + p', 'p ~ p', 'title, p', '[data-x]', '[data-x=1]', "[data-x='1']", '[data-x="a" i]', '[class~=two]', '[lang|=en]', '[href^=http]', '[href$=html]', '[href*=e]', 'a[href!=x]', '[id#=^p]', 'input:checked', 'option:checked', ':disabled', 'input:enabled', ':input', ':root', 'p:lang(en)', 'a:link', 'a:hover', '', '[', 'p:nth-child(', ':is(p)', '::before', ':text', 'P', ' p ', 'a#', '/* c */ p'])
    t(selector, () => { const found = page.find(selector); return [found.size(), found.first().attr('id'), found.text().slice(0, 20)]; });
}
